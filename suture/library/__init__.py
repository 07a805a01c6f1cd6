"""The Python library: what `import suture` offers, over the same code as the pages and the shell.

evaluation   evaluate, EvaluationResult, Number
comparison   compare, ComparisonResult
inputs       arrays, tensors and lists of a caller -> EmbeddingSet
loss         GapLoss (torch)
callbacks    GapMonitor
lightning    GapCallback
workspace    Workspace
notebook     tables as HTML
"""
