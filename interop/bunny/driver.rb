# frozen_string_literal: true

# `driver.rb SCENARIO`: exits with 0 when bunny saw all that the scenario asks for, else with 1 and the reason.

require_relative "connecting"
require_relative "scenarios/connections"
require_relative "scenarios/topology"
require_relative "scenarios/contents"
require_relative "scenarios/headers"
require_relative "scenarios/publishing"
require_relative "scenarios/consuming"
require_relative "scenarios/lifetimes"

# One scenario's run: the names that it made, and its connections.
class Driver
  include Connecting
  include Connections
  include Topology
  include Contents
  include Headers
  include Publishing
  include Consuming
  include Lifetimes

  SCENARIOS = %w[
    connect-options declare-bind publish-consume header-types confirms mandatory get requeue prefetch transactions
    exclusive cancel reply-to large-message heartbeats reconnect blocked tls
  ].freeze

  def run(scenario)
    raise ArgumentError, "no scenario #{scenario.inspect}" unless SCENARIOS.include?(scenario)

    begin
      __send__(scenario.tr("-", "_"))
    ensure
      clean_up
    end
  end
end

begin
  Driver.new.run(ARGV.fetch(0))
rescue StandardError => e
  warn "#{e.class}: #{e.message}"
  warn e.backtrace.first(6).map { |line| "  #{line}" }
  exit 1
end
