"""The model checker: can it be told from a model's answers whether somebody's rows were trained on?

Membership inference by shadow models (Shokri et al., "Membership Inference Attacks against Machine Learning Models",
2017), with the attack that needs least (Yeom et al., "Privacy Risk in Machine Learning", 2018): whose loss is below a
threshold was trained on. Models are trained as the checked one was, each on a half of the persons; the threshold is
learnt on all but one of them and tried on that one, in turn. The advantage is the share of those trained on that are
found, less the share of the others that are taken for them: 0 by guessing, 1 if all are known.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np

from dq0.makedp.errors import TrainingError
from dq0.makedp.network import losses
from dq0.makedp.randomness import Array
from dq0.makedp.saving import Saved
from dq0.makedp.training import Rows, predicted, split, train

FEWEST_PERSONS = 20


class Limits(NamedTuple):
    """``advantage``: the most that an attack may have for the model to pass; ``shadows``: the models trained for it."""

    advantage: float = 0.1
    shadows: int = 4


class _Trial(NamedTuple):
    """Of one shadow: what the attacker sees of rows it was trained on, and of others."""

    members: Array
    others: Array


def attacked(
    saved: Saved, rows: Rows, most_rows_each: int, limits: Limits, progress: Callable[[float], None]
) -> Dict[str, Any]:
    """The report: whether it ``passed``, a ``text`` for owners, the ``permissions`` that follow, and the attacks'
    advantages, from labels alone and from probabilities. TrainingError for too few persons."""
    if len(np.unique(rows.persons)) < FEWEST_PERSONS or limits.shadows < 2:
        raise TrainingError("a check needs %d persons and two shadow models at least" % FEWEST_PERSONS)
    by_label: List[_Trial] = []
    by_chance: List[_Trial] = []
    for shadow in range(limits.shadows):
        label, chance = _shadow(saved, rows, most_rows_each)
        by_label.append(label)
        by_chance.append(chance)
        progress((shadow + 1) / limits.shadows)
    label_advantage, chance_advantage = _advantage(by_label), _advantage(by_chance)
    permissions = ["predict_allowed"] if label_advantage <= limits.advantage else []
    if permissions and chance_advantage <= limits.advantage:
        permissions.append("predict_proba_allowed")
    tried = min(len(trial.members) for trial in by_chance), min(len(trial.others) for trial in by_chance)
    return {
        "passed": bool(permissions),
        "text": _text(label_advantage, chance_advantage, limits),
        "permissions": permissions,
        "label_advantage": round(label_advantage, 4),
        "probability_advantage": round(chance_advantage, 4),
        "standard_error": round(math.sqrt(sum(0.25 / max(count, 1) for count in tried) / limits.shadows), 4),
        "limit": limits.advantage,
        "shadow_models": limits.shadows,
        "most_advantage_by_epsilon": round(_bound(saved.trained.epsilon, saved.settings.delta), 4),
        "guarantee": saved.guarantee,
    }


def _text(by_label: float, by_chance: float, limits: Limits) -> str:
    return (
        "Membership inference with %d shadow models gains %.3f from labels and %.3f from probabilities; %g is allowed."
        % (limits.shadows, by_label, by_chance, limits.advantage)
    )


def _shadow(saved: Saved, rows: Rows, most_rows_each: int) -> Tuple[_Trial, _Trial]:
    members, others = split(rows, 0.5)
    classes = len(saved.target.classes)
    model = train(saved.definition, members, classes, most_rows_each, saved.settings, lambda share: None)
    seen: List[Tuple[Array, Array]] = []
    for part in (members, others):
        answers = predicted(model, part.inputs)
        loss = losses(model.layout, answers, part.targets)
        wrong = (answers.argmax(axis=1) != part.targets).astype(np.float64) if classes else loss
        seen.append((wrong, loss))
    return _Trial(seen[0][0], seen[1][0]), _Trial(seen[0][1], seen[1][1])


def _advantage(trials: List[_Trial]) -> float:
    """The mean over the shadows, each attacked with the threshold learnt on the others; not below 0."""
    gained = []
    for left_out, trial in enumerate(trials):
        known = [each for place, each in enumerate(trials) if place != left_out]
        threshold = _best_threshold(
            np.concatenate([each.members for each in known]), np.concatenate([each.others for each in known])
        )
        gained.append(float((trial.members <= threshold).mean() - (trial.others <= threshold).mean()))
    return max(0.0, sum(gained) / len(gained))


def _best_threshold(members: Array, others: Array) -> float:
    """Below which members are found best."""
    candidates = np.unique(np.quantile(np.concatenate([members, others]), np.linspace(0.0, 1.0, 201)))
    found = np.searchsorted(np.sort(members), candidates, side="right") / len(members)
    mistaken = np.searchsorted(np.sort(others), candidates, side="right") / len(others)
    return float(candidates[int(np.argmax(found - mistaken))])


def _bound(epsilon: float, delta: float) -> float:
    """What no attack on a model of that cost can pass (Humphries et al., 2020)."""
    growth = math.exp(min(epsilon, 500.0))
    return (growth - 1 + 2 * delta) / (growth + 1)
