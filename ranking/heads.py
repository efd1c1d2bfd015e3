"""Two linear heads on what the model has read: a pairwise utility and a pointwise chance, learned together.

L = BCE(point) + mean over pairs of -log sigmoid(u_winner - u_loser - margin) + centring + ridge, in float32 and with
`logsigmoid` (HPRO, arXiv 2606.04387, equations 2 to 4; the centring term is TRL's). The problem is convex.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from ranking.preferences import MARGIN

_CENTRING = 0.01
_MAX_STEPS = 60


@dataclass(frozen=True, slots=True)
class Heads:
    """Row 0 of `weight` [2, features] and `bias` [2] give the utility, row 1 the logit of the chance."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def utilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return one utility for each row; only differences mean anything."""
        return self._apply(features, 0)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-odds of a win for each row."""
        return self._apply(features, 1)

    def _apply(self, features: NDArray[np.float32], head: int) -> NDArray[np.float64]:
        values: NDArray[np.float64] = features.astype(np.float64) @ self.weight[head].astype(np.float64)
        return values + float(self.bias[head])


def fit_heads(
    features: NDArray[np.float32],
    won: NDArray[np.bool_],
    weights: NDArray[np.float32],
    pairs: NDArray[np.int64],
    *,
    ridge: float,
    start: Heads | None = None,
) -> Heads:
    """Return the heads that minimise the loss.

    Args:
        features: Standardised, [examples, features].
        won: The outcomes, [examples].
        weights: How much each example counts, [examples]; a lead with many snapshots counts once.
        pairs: Winner and loser indices, [pairs, 2].
        ridge: Penalty on the squared weights; there are more features than leads.
        start: Heads to begin from; the solution is the same, only sooner found.
    """
    x = torch.from_numpy(features)
    y = torch.from_numpy(won.astype(np.float32))
    w = torch.from_numpy(weights / weights.sum())
    winners, losers = torch.from_numpy(pairs[:, 0]), torch.from_numpy(pairs[:, 1])
    pair_weights = w[winners] * w[losers]
    pair_weights = pair_weights / pair_weights.sum()
    weight = torch.zeros((2, x.shape[1])) if start is None else torch.from_numpy(start.weight.copy())
    bias = torch.zeros(2) if start is None else torch.from_numpy(start.bias.copy())
    weight.requires_grad_()
    bias.requires_grad_()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=_MAX_STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        utility, logit = (x @ weight.T + bias).unbind(1)
        point = (w * binary_cross_entropy_with_logits(logit, y, reduction="none")).sum()
        pair = -(pair_weights * logsigmoid(utility[winners] - utility[losers] - MARGIN)).sum()
        loss = point + pair + _CENTRING * (w * utility.square()).sum() + ridge * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships no annotation for it
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # likewise
    return Heads(weight.detach().numpy(), bias.detach().numpy())
