"""A training that is only planned."""

from __future__ import annotations

from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.core.counting import counted
from bossline.core.progress import duration
from bossline.data.editions import edition_of
from bossline.models.layout import SEEN, Layer
from bossline.recipes import catalogue
from bossline.recipes.naming import full_name
from bossline.runs.plan import Plan


def plan_tables(plan: Plan) -> list[Table]:
    """The layers, then all else."""
    return [_layers(plan), _facts(plan)]


def _layers(plan: Plan) -> Table:
    has_fields = any(layer.field is not None for layer in plan.layers)
    what = "sees" if has_fields else ""
    table = new_table("layer", "kind", "shapes", "parameters", what, right=("parameters", what))
    for layer in plan.layers:
        shapes = ", ".join(" x ".join(map(str, shape)) for shape in layer.shapes.values())
        table.add_row(layer.name, layer.kind, shapes, f"{layer.parameters:,}", _field(layer))
    table.add_section()
    table.add_row("all", "", "", f"{plan.parameters:,}", "")
    if has_fields:
        of = "rows of pixels" if plan.unit == "images" else "frames"
        table.caption = f"sees: {of} that one output depends on"
        table.caption_justify = "left"
    return table


def _field(layer: Layer) -> str:
    if layer.field is None:
        return ""
    return f"{layer.field}" if layer.field < SEEN else f"{SEEN} or more"


def _facts(plan: Plan) -> Table:
    recipe = plan.recipe
    facts = {
        "recipe": f"{full_name(recipe)} on {plan.corpus.name}, {plan.hardware}",
        "splits": ", ".join(f"{split} {count:,}" for split, count in plan.counts.items())
        + f" {plan.unit}",
        "batches": plan.batches,
    }
    if "validation" not in plan.counts:
        facts["validation"] = "none: the last epoch is kept"
    if (every := recipe.keep_every) is not None and plan.steps_per_epoch is not None:
        files = plan.steps_per_epoch * recipe.epochs // every
        megabytes = files * plan.parameters * 4 / 1e6
        facts["kept"] = f"{counted(files, 'file')} of weights, about {megabytes:,.0f} MB"
    if plan.origin is not None:
        facts["begins from"] = str(plan.origin)
    if plan.steps_per_epoch is None or plan.seconds is None or plan.seconds_per_step is None:
        facts["steps"] = "none: the model is fitted in a few passes"
    else:
        facts["steps"] = (
            f"{plan.steps_per_epoch:,} an epoch, {plan.steps_per_epoch * recipe.epochs:,} in all "
            f"(epochs={recipe.epochs})"
        )
        facts["time"] = (
            f"about {duration(plan.seconds)}, at {plan.seconds_per_step:.3g} s a step as "
            "this machine is now; scoring comes on top"
        )
    facts["targets"] = _targets(plan) or "no published score for this corpus"
    return facts_table(facts)


def _targets(plan: Plan) -> str:
    """What is known of this corpus: the rung's own score, and that of the boss baseline."""
    edition = edition_of(plan.corpus)
    boss = f"{plan.recipe.task}/boss"
    above = {}
    if plan.recipe.name != boss and boss in catalogue.names():
        above = catalogue.read_yaml(catalogue.find(boss)).get("target", {})
    told = [
        f"{words}{scores[edition]:.5f} ({edition})"
        for words, scores in (("", plan.recipe.target), ("boss baseline ", above))
        if edition in scores
    ]
    return "; ".join(told)
