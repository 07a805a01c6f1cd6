"""Decoders that write a text from one embedding. Trained on text embeddings alone, they show whether image
embeddings can be read as if they were text embeddings.

config      settings (no torch)
plan        a config resolved against the workspace and checked
tokens      the tokenizer: trained on the texts, or that of a pretrained decoder
network     prefix + causal transformer
training    resumable training with progress and history
generation  texts from embeddings: greedy, beam, nucleus
storage     captioners as records of the workspace
coca        captions by a checkpoint that has its own decoder
builtin     the decoders that come with Suture for its demo

`suture.workflows.captions` evaluates captioners.
"""
