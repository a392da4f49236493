"""pause_promotion on a real MLflow store."""

import os
import re

import pytest

from holdfast.errors import GateError, InputError
from holdfast.registry.pause_promotion.logic import pause, report
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Verdict

GOOD = Verdict("pass")


@pytest.fixture
def versions(client, model):
    """Two versions of a model, both of which were champion."""
    for version in (1, 2):
        register(model, "churn", "challenger", {}, Origin(git_commit=str(version)))
        promote(Promotion("churn"), GOOD)
    return client


def champion(client):
    return client.get_model_version_by_alias("churn", "champion").version


def test_while_there_is_a_pause_nothing_is_promoted_and_the_reason_is_told(versions):
    done = pause("churn", "Women are refused twice as often.", True)
    with pytest.raises(GateError, match=r"paused.*Women are refused twice as often"):
        promote(Promotion("churn", version=1), GOOD)
    assert champion(versions) == 2
    assert "Promotions of churn are paused" in report(done).markdown()


def test_a_rollback_needs_no_leave(versions):
    pause("churn", "Unfair.", True)
    assert roll_back("churn", "Unfair.", -1, "champion").version == 1


def test_the_pause_ends_when_it_is_told_to(versions):
    pause("churn", "Unfair.", True)
    pause("churn", "Mended.", False)
    pause("churn", "Mended.", False)
    assert promote(Promotion("churn", version=1), GOOD).version == 1


def test_a_pause_needs_a_reason(versions):
    with pytest.raises(InputError, match="`reason` must say why"):
        pause("churn", " ", True)


@pytest.mark.parametrize("paused", [True, False])
def test_a_model_that_is_not_there_is_refused_with_names_that_are_like_it(versions, paused):
    # Its ledger, churn.champions, is no model that somebody means.
    with pytest.raises(InputError) as told:
        pause("churm", "Unfair.", paused)
    store = os.environ["MLFLOW_TRACKING_URI"]
    assert f"of MLflow at {store}. Found: 'churm', which is none; a name like it is 'churn'. " in (
        str(told.value)
    )
    assert {model.name for model in versions.search_registered_models()} == {
        "churn",
        "churn.champions",
    }


def test_what_people_wrote_is_a_sentence_of_its_own(versions):
    for reason, told in (("race", "race. End"), ("It ends.", "ends. End"), ("Why?", "Why? End")):
        pause("churn", reason, True)
        with pytest.raises(GateError, match=re.escape(told)):
            promote(Promotion("churn", version=1), GOOD)
