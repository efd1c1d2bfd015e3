"""Chances that say what happens, and never turn a stage's order round."""

import numpy as np
from scipy.special import expit

from ranking.calibration import Calibration, fit_calibration
from ranking.metrics import calibration_error


def test_chances_say_what_happens_in_every_stage() -> None:
    random = np.random.default_rng(0)
    utilities = random.normal(size=4_000) * 3
    stages = ["new"] * 2_000 + ["offer"] * 2_000
    truth = expit(0.5 * utilities + np.repeat([-2.0, 1.0], 2_000))
    won = (random.random(4_000) < truth).astype(float)

    chances = fit_calibration(utilities, won, np.ones(4_000), stages).chances(utilities, stages)

    assert calibration_error(chances[:2_000], won[:2_000]) < 0.03
    assert calibration_error(chances[2_000:], won[2_000:]) < 0.03


def test_an_order_that_was_wrong_is_flattened_and_not_turned_round() -> None:
    utilities = np.arange(40.0)
    calibration = fit_calibration(utilities, (utilities < 20).astype(float), np.ones(40), ["a"] * 40)

    assert (np.diff(calibration.chances(utilities, ["a"] * 40)) > 0).all()


def test_without_any_outcome_the_utilities_are_log_odds() -> None:
    nothing = fit_calibration(np.zeros(0), np.zeros(0), np.zeros(0), [])

    assert nothing == Calibration()
    assert nothing.chances(np.array([0.0]), ["never seen"])[0] == 0.5
