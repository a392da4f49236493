"""Table contracts, proved on compiled YAML before anything runs.

A component says what its tables and models are at the end of an artifact's description, which KFP
keeps in the YAML: ``Gives: {...}`` of an output, ``Needs: {...}`` of an input. What is in the
braces is one YAML flow mapping; it may go on over several lines, and nothing follows it. In a
docstring::

    Args:
        train: The training share. Needs: {target: true, role: not holdout,
            columns: [$sample_weight]}
        transformer: A fitted transformer. Needs: {like: train}
        sample_weight: Column that says how much a row counts; empty for all alike.

    Returns:
        model: The model. Gives: {target: $train, task: $train}

``Gives`` knows

``like``
    The name of an input whose facts are the output's, save those that are given beside it.
``target``
    The column to be predicted, or ``false`` for none.
``task``
    ``classification`` or ``regression``, or what only one of them has (see ``words.py``): roc_auc,
    Ridge, balanced.
``role``
    The name of the share that a table is: train, test, holdout (locked: nothing may learn from it).
``kind``
    What a row is, in a word; ``predictions`` is what batch_predict writes, with the column
    prediction.
``columns``
    All columns: names, or a mapping of names to ``number``, ``text``, ``boolean`` or ``time``. With
    a ``*`` a name stands for any number of columns, as ``probability_*``.
``keeps``
    The columns of ``like`` that go along, besides the target.
``adds``
    Columns besides those of ``like``.
``types``
    A mapping of columns to types, by these words or by Arrow's.

``Needs`` knows

``target``
    ``true`` for any, or the column that it must be.
``task``
    As in Gives; a list where several things must agree.
``role``
    A share's name, or ``not NAME``.
``kind``
    As in Gives.
``columns``
    Columns that must be there, perhaps with a type.
``without``
    Columns that must not be there.
``like``
    The name of an input; target and task are the same where both are known.

``$NAME`` stands for an input: the value of a parameter, or the same fact of an artifact;
``$NAME.target`` for another fact of it. Of a parameter that is a list or a mapping, the members or
the keys are meant. An empty value says nothing; as ``target`` of an output, it says that there is
none.

What a run decides is never reported: a parameter without a default, what a step returns, the
columns of a file. A conflict of constants is an error; one that rests on the default of a parameter
of the pipeline, which a run may replace, is a warning. A branch whose condition is false is left
out, and one that the defaults leave out is looked at without them.
"""  # noqa: D214

from holdfast.lint.table_contracts.walk import check
from holdfast.lint.table_contracts.words import RULES

__all__ = ["RULES", "check"]
