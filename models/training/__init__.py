"""Fine-tuning with a gap-closing objective.

config    settings (TOML, flags, form)           plan      a config resolved against the workspace, checked
batches   batches of studies                     networks  trainable networks
step      one step, chunked or distributed       loop      the epochs
probe     evaluation after each epoch            state     the saved training state
run       from plan to weights                   publish   weights to a checkpoint with its history
record    history and snapshots of a run, read without torch
heads     heads on precomputed vectors           frozen_features, token_cache  cached inputs
"""
