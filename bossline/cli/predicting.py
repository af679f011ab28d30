"""What a run makes of files and splits: predict, submit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossline.cli.options import (
    DecodingOption,
    DeviceOption,
    FigureOption,
    JsonOption,
    LangOption,
    RunArguments,
    SmoothingOption,
    console,
)
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import speaking

if TYPE_CHECKING:
    from bossline.cli.answering import Refusals
    from bossline.runs.loaded import Model
    from bossline.runs.phones_out import PhoneFiles
    from bossline.tasks.prediction import Prediction

PANEL = "Training"

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline predict recording.wav`, `bossline predict RUN photos/ more.jpg "
    "--json`, `bossline predict RUN recordings/ -o phones/`, `bossline predict RUN "
    "features.pt -o phones.csv`, `bossline predict RUN1 RUN2 test -o probabilities.npy`",
)
def predict(
    runs_then_inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN...] INPUT...",
            help="without a run the phoneme-en that comes with bossline answers; several runs "
            "answer by the mean of their log-probabilities or values; an input "
            "is a feature file, a recording, an image, a folder of these, or train, validation, "
            "test, unlabelled; of a table only the latter",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=".csv: classes or values; .npy: probabilities or values; .TextGrid and the like: "
            "phones of one recording; a folder: those of each, and what is there already stays",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="of a file of phones for each recording: textgrid (the default), ctm, json, csv, "
            "htk, timit, audacity"
        ),
    ] = None,
    figure: FigureOption = None,
    as_json: JsonOption = False,
    smoothing: SmoothingOption = None,
    decoding: DecodingOption = None,
    lang: LangOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Phones, a speaker, a class or a value: for files, or for each item of a split."""
    from bossline import api
    from bossline.cli.answering import Refusals, print_json, reading, runs_and_inputs
    from bossline.runs.answers import check_output, write_predictions
    from bossline.runs.phones_out import PhoneFiles
    from bossline.runs.pictured import check_picture, write_picture

    if output is not None and as_json:
        raise UserError("give --json or --output, not both")
    files = None
    if format is not None:
        if output is None:
            raise UserError(f"--format {format}: give --output, the folder that gets the files")
        files = PhoneFiles(output, format)
    elif output is not None and (output.is_dir() or not output.suffix):
        files = PhoneFiles(output, "textgrid")
    elif output is not None:
        check_output(output)
    runs, inputs = runs_and_inputs(runs_then_inputs)
    if figure is not None:
        check_picture(figure, inputs)
    model = api.load(runs, smoothing=smoothing, decoding=decoding or (), device=device)
    refusals = Refusals()
    if files is not None:
        made_by = {"verb": "predict", "smoothing": smoothing, "decoding": decoding or []}
        _write_files(model, inputs, files, refusals, made_by, figure)
        return
    with reading() as shown:
        predictions = model.predict(inputs, refused=refusals, progress=shown.set)
    if figure is not None:
        for prediction in predictions:
            write_picture(inputs[0], prediction, figure)
    if as_json:
        print_json(predictions)
    elif predictions and output is not None:
        write_predictions(predictions, output)
        console.print(f"{output}: {counted(len(predictions), model.features.item)}")
    elif predictions:
        with speaking(lang):
            _print_predictions(predictions)
    refusals.end(len(predictions))


def _write_files(
    model: Model,
    inputs: Sequence[str],
    files: PhoneFiles,
    refusals: Refusals,
    made_by: dict[str, Any],
    figure: Path | None,
) -> None:
    from bossline.cli.answering import Filling
    from bossline.runs.pictured import write_picture

    filling = Filling(files, made_by | {"weights": model.fingerprints})
    with filling.progress() as progress:
        for prediction in model.predict_each(
            inputs,
            refused=refusals,
            progress=progress,
            passed=filling.passes if figure is None else None,
        ):
            if figure is not None:
                write_picture(inputs[0], prediction, figure)
            filling.write(prediction)
    console.print(filling.said(), soft_wrap=True)
    refusals.end(filling.answered)


def _print_predictions(predictions: Sequence[Prediction]) -> None:
    from bossline.cli.tables.predictions import likeliest_table, predictions_table, segments_table
    from bossline.tasks.phoneme.prediction import FramePrediction
    from bossline.tasks.prediction import ClassPrediction

    match predictions:
        case [ClassPrediction() as alone]:
            console.print(likeliest_table(alone))
        case [FramePrediction(), *_]:
            for prediction in predictions:
                assert isinstance(prediction, FramePrediction)
                console.print(segments_table(prediction))
        case _:
            console.print(predictions_table(predictions))


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline submit runs/phoneme-strong-libriphone-1 -o prediction.csv`, "
    "`bossline submit RUN1 RUN2 -o prediction.csv`",
)
def submit(
    runs: RunArguments,
    output: Annotated[Path, typer.Option("--output", "-o", help="the CSV to write")],
    split: Annotated[
        str, typer.Option(help="unlabelled: the course's test set; or test, validation, train")
    ] = "unlabelled",
    smoothing: SmoothingOption = None,
    decoding: DecodingOption = None,
    letters: Annotated[
        bool, typer.Option("--letters", help="of strings: index,label as CMU 11-785 takes them")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Write the course's file: Id,Class of frames, Id,Category of speakers and images, id and the
    target of rows, id and phones of strings. They are counted against the split."""
    from bossline import api

    rows = api.submit(
        runs,
        output,
        split=split,
        smoothing=smoothing,
        decoding=decoding or (),
        letters=letters,
        device=device,
    )
    console.print(f"{output}: {counted(rows, 'row')}")


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: `bossline share runs/mine -o my-phones --licence 'CC BY 4.0'`",
)
def share(
    run: Annotated[Path, typer.Argument(help="that is finished")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="the folder; its name is that of the model")
    ],
    decoding: DecodingOption = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="CORPUS",
            help="with strings it has not learnt from: makes confidence true there",
        ),
    ] = None,
    licence: Annotated[str, typer.Option(help="of the weights, as the data allow it")] = "",
    remarks: Annotated[
        Path | None, typer.Option(help="Markdown that becomes part of the model card")
    ] = None,
) -> None:
    """A folder to pass on: the model in half the bytes, its recipe, scores and a model card.

    Every verb that asks a run takes it.
    """
    from bossline.runs.sharing import share

    folder = share(
        run,
        output,
        decoding=decoding or (),
        calibrate=calibrate,
        licence=licence,
        remarks=remarks,
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    console.print(f"{folder}: {size / 1e6:.1f} MB; bossline predict {folder} ...")
