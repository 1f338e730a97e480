"""A differential fuzzer: the same random conversation with two brokers, whose answers must be the same.

`python -m conformance.fuzz --help` says how to run it. The rooms, in the order of the data:

* `vocabulary`: what a field may hold, class by class, the wrong and the borderline included;
* `sessions` and `probes`: the next step, from a seed and from what is known of the conversation so far;
* `steps`: a step as a value that can be printed, kept in a file and played again;
* `player`: one broker's side: send a step, wait until the broker has done all that follows from it;
* `normal`: what was seen, without what brokers choose freely (names, times);
* `races`: where RabbitMQ leaves to chance who gets a message;
* `duel`: both sides, compared after every step;
* `shrink`: the shortest conversation that still shows a difference;
* `coverage`: which method was played in which state, and with which class of argument, how often.
"""
