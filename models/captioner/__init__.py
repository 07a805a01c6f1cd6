"""Decoders that write a text from one embedding: trained on text embeddings alone, they show whether images
can be read as if they were texts.

config    what is asked for (no torch)
plan      the same with all that it names looked up and checked
words     the tokenizer: trained on the texts, or that of a pretrained decoder
network   prefix + causal transformer
fit       training: resumable, with progress and history
writing   texts from embeddings: greedy, beam, nucleus
keeping   captioners as records of the workspace
coca      captions by a checkpoint that has a decoder of its own
judge     the captions of a split, written in every way there is
table     who reads what how well, and B against A (no torch)
together  several sets with one recipe
shipped   the decoders that come with Suture for its demo
"""
