%% Runs command lines of one of RabbitMQ's tools, one after the other, in the Erlang VM that its script has started.
%%
%% LINES in the environment is a file of them: a list of words each, as Erlang terms. What comes of a line is put beside
%% it, as NUMBER.out, NUMBER.err and NUMBER.code. Standard input is empty.
-module(rabbitmq_batch).
-export([main/0]).

main() ->
    Path = os:getenv("LINES"),
    {ok, Lines} = file:consult(Path),
    {ok, _} = application:ensure_all_started(elixir),
    {ok, _} = application:ensure_all_started(rabbitmqctl),
    unregister(standard_error),
    Number = fun(Words, N) -> run(Words, filename:join(filename:dirname(Path), integer_to_list(N))), N + 1 end,
    lists:foldl(Number, 0, Lines),
    halt(0).

%% Elixir's StringIO is a device that remembers. The tool ends its process with the exit code.
run(Words, Name) ->
    {ok, Out} = 'Elixir.StringIO':open(<<>>),
    {ok, Err} = 'Elixir.StringIO':open(<<>>),
    register(standard_error, Err),
    {Pid, Ref} = spawn_monitor(fun() -> group_leader(Out, self()), 'Elixir.RabbitMQCtl':main(Words) end),
    Code = receive {'DOWN', Ref, process, Pid, Reason} -> code(Reason, Words) end,
    unregister(standard_error),
    ok = file:write_file(Name ++ ".out", said(Out)),
    ok = file:write_file(Name ++ ".err", said(Err)),
    ok = file:write_file(Name ++ ".code", integer_to_list(Code)).

code(normal, _) -> 0;
code({shutdown, Code}, _) -> Code;
code(Reason, Words) ->
    io:format("~ts ended by ~p~n", [lists:join(" ", Words), Reason]),
    halt(70).

said(Device) ->
    {ok, {_, Text}} = 'Elixir.StringIO':close(Device),
    Text.
