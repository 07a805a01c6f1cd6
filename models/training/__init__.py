"""Fine-tuning with a gap-closing objective.

config    what is asked (TOML, flags, form)      batches   studies as batches
networks  what is trained                        step      one step, chunked or distributed
state     the saved state                        watch     the probe after each epoch
loop      epochs                                 plan      a config looked up and checked
run       from plan to weights                   publish   weights to a checkpoint with its history
record    what a run leaves behind, read without torch
"""
