"""Values and gradients of losses over all pairs of a batch, block by block.

In plain autograd these losses allocate many (n, n) tensors. Here each block of rows is processed in place
while it is in the processor's cache, and the gradient is computed together with the value. SigLIP and the
mean kernel hold one block in memory; InfoNCE needs whole rows and columns and holds one (n, n). `codes` are
duplicate codes (`Features.rows`): pairs i != j with an equal code are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

BLOCK = 1 << 21  # elements: fits in the cache, and keeps all threads busy


class _WithGradient(torch.autograd.Function):
    """A scalar whose gradients are computed in forward and scaled in backward."""

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        """First derivatives only."""
        return (*(None if g is None else g * outer for g in ctx.saved_tensors), None)


class InfoNCE(_WithGradient):
    """mean_i (log sum_j e^(s x_i.y_j) + log sum_j e^(s x_j.y_i)) / 2 - s x_i.y_i of x, y (n, dim), s ()."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, scale: Tensor, codes: list[Tensor]) -> Tensor:
        """Two sweeps over one (n, n): log sums, then in place the gradient of the logits."""
        n = len(x)
        logits = (x * scale) @ y.T
        own = logits.diagonal().clone()
        by_row, by_column = torch.empty_like(own), torch.full_like(own, -torch.inf)
        for rows in _blocks(n):
            block = _leave_out(logits[rows], codes, rows)
            by_row[rows] = block.logsumexp(dim=1)
            by_column = torch.logaddexp(by_column, block.logsumexp(dim=0))
        for rows in _blocks(n):
            block = logits[rows]
            column_shares = (block - by_column).exp_()
            block.sub_(by_row[rows, None]).exp_().add_(column_shares)
        logits.diagonal().sub_(2)
        to_x, to_y = logits @ y, logits.T @ x
        to_scale = (to_x * x).sum() / (2 * n)
        ctx.save_for_backward(to_x.mul_(scale / (2 * n)), to_y.mul_(scale / (2 * n)), to_scale)
        return ((by_row + by_column) / 2 - own).mean()


class SigLIP(_WithGradient):
    """(1/n) sum_ij -log sigmoid(t_ij (s x_i.y_j + b)), t_ij = 1 for i = j, else -1; s, b ()."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, scale: Tensor, bias: Tensor, codes: list[Tensor]) -> Tensor:
        """One sweep. Logits of true pairs are negated, so that each entry costs -log sigmoid(-entry)."""
        n = len(x)
        total, to_bias = x.new_zeros(()), x.new_zeros(())
        to_x, to_y = torch.empty_like(x), torch.zeros_like(y)
        for rows in _blocks(n):
            block = ((x[rows] * scale) @ y.T).add_(bias)
            _own(block, rows).neg_()
            _leave_out(block, codes, rows)
            total -= logsigmoid(-block).sum()
            block.sigmoid_()
            _own(block, rows).neg_()
            to_bias += block.sum()
            to_x[rows] = block @ y
            to_y.addmm_(block.T, x[rows])
        to_scale = (to_x * x).sum() / n
        ctx.save_for_backward(to_x.mul_(scale / n), to_y.mul_(scale / n), to_scale, to_bias / n)
        return total / n


class LogMeanKernel(_WithGradient):
    """log mean_{i != j} e^(-2 |x_i - y_j|^2) of x, y (n, dim); y None = x. 0 if no pair is left."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor | None, codes: list[Tensor]) -> Tensor:
        """One sweep: the gradient is accumulated unnormalised, then divided by the sum of the kernel."""
        within, n = y is None, len(x)  # within one set each pair counts once, as i < j
        to_x = torch.zeros_like(x)
        y, to_y = (x, to_x) if y is None else (y, torch.zeros_like(y))
        total, pairs = x.new_zeros((), dtype=torch.float64), x.new_zeros((), dtype=torch.int64)
        across = -2 * y.square().sum(dim=1)
        for rows in _blocks(n):
            columns = slice(rows.start if within else 0, n)
            near, far = x[rows], y[columns]
            block = torch.addmm(across[columns], near, far.T, alpha=4)
            block.sub_(2 * near.square().sum(dim=1, keepdim=True)).exp_()
            kept = _pairs(block, codes, rows, columns, within)
            pairs += kept.sum()
            block.mul_(kept)
            by_row = block.sum(dim=1, keepdim=True)
            total += by_row.sum(dtype=torch.float64)
            to_x[rows].addmm_(block, far).addcmul_(near, by_row, value=-1)
            to_y[columns].addmm_(block.T, near).addcmul_(far, block.sum(dim=0)[:, None], value=-1)
        factor = torch.where(pairs > 0, 4 / total, 0)
        ctx.save_for_backward(to_x.mul_(factor), None if within else to_y.mul_(factor))
        return torch.where(pairs > 0, (total / pairs).log(), 0).to(x.dtype)


def _blocks(n: int) -> Iterator[slice]:
    """Slices of rows of an (n, n), of about BLOCK elements each."""
    size = max(1, BLOCK // max(1, n))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _own(block: Tensor, rows: slice) -> Tensor:
    """The entries i = j of a block of whole rows, as a view."""
    return block[:, rows].diagonal()


def _leave_out(logits: Tensor, codes: list[Tensor], rows: slice) -> Tensor:
    """Set the logits of duplicates i != j to minus infinity, in place."""
    if codes:
        same = _duplicates(codes, rows, slice(None))
        _own(same, rows).fill_(False)
        logits.masked_fill_(same, -torch.inf)
    return logits


def _pairs(block: Tensor, codes: list[Tensor], rows: slice, columns: slice, within: bool) -> Tensor:
    """Mask of the entries of a block that count: no duplicates, i != j, and i < j within one set."""
    kept = ~_duplicates(codes, rows, columns) if codes else torch.ones_like(block, dtype=torch.bool)
    if within:
        kept.triu_(1)  # the block starts at its own columns
    else:
        _own(kept, rows).fill_(False)
    return kept


def _duplicates(codes: list[Tensor], rows: slice, columns: slice) -> Tensor:
    """(rows, columns) bool: equal codes in any list; each item equals itself."""
    same = codes[0][rows, None] == codes[0][columns]
    for code in codes[1:]:
        same |= code[rows, None] == code[columns]
    return same
