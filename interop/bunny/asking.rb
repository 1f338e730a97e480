# frozen_string_literal: true

# Requests to the runner, over standard output and input.
module Asking
  def ask(request)
    $stdout.puts "@ #{request}"
    $stdout.flush
    answer = $stdin.gets
    raise "the runner answered #{answer.inspect} to #{request.inspect}" unless answer&.strip == "done"
  end
end
