"""The protocol: a sans-IO state machine. Frames become calls on the model, the model's answers become bytes.

It reads no socket and no clock, and it awaits nothing: one call of `Connection.process` runs to completion.
"""
