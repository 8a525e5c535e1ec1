"""Looks at a table that came as text: describes it, correlates it, draws it, or hands it to code as `df`.

What it does runs like code of a session: output, errors, time limits and interrupts are those of a run.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import sys
from typing import Any, Callable

from sojourn_kernel.runner import Runner
from sojourn_kernel.variables import count_variables

CELL = '<analysis>'
RESOLUTION = 150
BINS = 20
NO_NUMBERS = 'No numeric columns found for %s'


def analyze(runner: Runner, request: dict[str, Any]) -> dict[str, Any]:
    """
    {data, analysis_type, plot_type, columns, custom_code, seq} -> the outcome of a run. Figures are shown as
    image/png.
    """
    names = runner.namespace
    work = Analysis(request['columns'], request['plot_type'])
    names.update(data=request['data'], read_table=read_table, show_figures=lambda: show_figures(runner))
    if request['analysis_type'] == 'custom':
        source = 'df = read_table(data)'
    else:
        names['analyze'] = getattr(work, request['analysis_type'])
        source = 'analyze(read_table(data))\nshow_figures()'
    outcome = runner.execute(source, CELL, True)
    if request['analysis_type'] == 'custom' and outcome['status'] == 'ok':
        show = names['show_figures']
        for name in ('data', 'read_table', 'show_figures'):
            del names[name]
        outcome = runner.execute(request['custom_code'], '<cell %d>' % request['seq'], True)
        if not outcome['interrupted']:
            names['show_figures'] = show
            shown = runner.execute('show_figures()', CELL, True)
            outcome = shown if outcome['status'] == 'ok' else outcome
    outcome['variable_count'] = count_variables(names)
    return outcome


def read_table(text: str) -> Any:
    """A data frame of JSON (rows, or columns by name) or of CSV with a header."""
    pandas = _required('pandas')
    if text.lstrip()[:1] not in ('[', '{'):
        return pandas.read_csv(io.StringIO(text))
    content = json.loads(text)
    if isinstance(content, dict) and not any(isinstance(value, (list, dict)) for value in content.values()):
        content = [content]
    return pandas.DataFrame(content)


def show_figures(runner: Runner) -> None:
    """Every open figure as a picture; then they are closed."""
    pyplot = sys.modules.get('matplotlib.pyplot')
    if pyplot is None:
        return
    for number in pyplot.get_fignums():  # type: ignore[attr-defined]
        figure = pyplot.figure(number)  # type: ignore[attr-defined]
        picture = io.BytesIO()
        figure.savefig(picture, format='png', dpi=RESOLUTION, bbox_inches='tight')
        data = {'image/png': base64.b64encode(picture.getvalue()).decode(), 'text/plain': repr(figure)}
        runner.output.show({'t': 'display', 'data': data})
    pyplot.close('all')  # type: ignore[attr-defined]


class Analysis:
    """What can be done with a table. `columns` restricts it to some of them, in their order."""

    def __init__(self, columns: list[str] | None, plot_type: str) -> None:
        self._columns = columns
        self._draw: Callable[[Any], None] = getattr(self, '_' + plot_type)

    def describe(self, table: Any) -> None:
        """Prints shape, types, statistics and missing values."""
        print('Data Shape: %s\n' % (table.shape,))
        print('Data Types:\n%s\n' % table.dtypes)
        print('Basic Statistics:\n%s\n' % table.describe())
        print('Missing Values:\n%s' % table.isnull().sum())

    def correlation(self, table: Any) -> None:
        """Prints the matrix of the numeric columns and draws it."""
        numbers = self._numbers(table)
        if numbers.shape[1] == 0:
            return print(NO_NUMBERS % 'correlation analysis')
        print('Correlation Matrix:\n%s' % numbers.corr())
        _heat_map(numbers.corr())

    def plot(self, table: Any) -> None:
        """Draws the table as `plot_type` says."""
        self._draw(table)

    def _histogram(self, table: Any) -> None:
        numbers = self._numbers(table)
        count = numbers.shape[1]
        if count == 0:
            return print(NO_NUMBERS % 'plotting')
        rows = (count + 1) // 2
        figure, places = _pyplot().subplots(rows, 2, figsize=(12, 4 * rows), squeeze=False)
        for index, place in enumerate(places.flat):
            if index >= count:
                place.set_visible(False)
                continue
            column = numbers.columns[index]
            place.hist(numbers[column].dropna(), bins=BINS)
            place.set(title='Distribution of %s' % column, xlabel=str(column), ylabel='Frequency')
        figure.tight_layout()

    def _bar(self, table: Any) -> None:
        chosen = self._chosen(table)
        _at_least(chosen, 1, 'bar')
        column = chosen.columns[0]
        counts = chosen[column].value_counts()
        _, place = _pyplot().subplots(figsize=(10, 6))
        place.bar([str(value) for value in counts.index], counts.to_numpy())
        place.tick_params(axis='x', rotation=45)
        place.set(title='Bar chart of %s' % column, xlabel=str(column), ylabel='Count')

    def _box(self, table: Any) -> None:
        self._draw_numbers(table, lambda numbers, place: numbers.boxplot(ax=place), 'Box Plot')

    def _line(self, table: Any) -> None:
        self._draw_numbers(table, lambda numbers, place: numbers.plot(ax=place), 'Line Plot')

    def _scatter(self, table: Any) -> None:
        chosen = self._chosen(table) if self._columns else self._numbers(table)
        _at_least(chosen, 2, 'scatter')
        across, up = chosen.columns[:2]
        _, place = _pyplot().subplots(figsize=(10, 6))
        place.scatter(chosen[across], chosen[up], alpha=0.6)
        place.set(title='Scatter: %s vs %s' % (across, up), xlabel=str(across), ylabel=str(up))

    def _heatmap(self, table: Any) -> None:
        numbers = self._numbers(table)
        if numbers.shape[1] == 0:
            return print(NO_NUMBERS % 'plotting')
        _heat_map(numbers.corr())

    def _draw_numbers(self, table: Any, draw: Callable[[Any, Any], Any], title: str) -> None:
        numbers = self._numbers(table)
        if numbers.shape[1] == 0:
            return print(NO_NUMBERS % 'plotting')
        _, place = _pyplot().subplots(figsize=(10, 6))
        draw(numbers, place)
        place.set_title(title)

    def _chosen(self, table: Any) -> Any:
        if not self._columns:
            return table
        missing = [column for column in self._columns if column not in table.columns]
        if missing:
            known = ', '.join(map(str, table.columns[:50]))
            raise KeyError('no column %s; there are: %s' % (', '.join(map(repr, missing)), known))
        return table[self._columns]

    def _numbers(self, table: Any) -> Any:
        return self._chosen(table).select_dtypes(include='number')


def _heat_map(matrix: Any) -> None:
    size = max(6.0, min(30.0, 0.9 * len(matrix) + 2))
    figure, place = _pyplot().subplots(figsize=(size, 0.8 * size))
    picture = place.imshow(matrix, cmap='coolwarm', vmin=-1, vmax=1)
    figure.colorbar(picture, ax=place)
    names = [str(column) for column in matrix.columns]
    place.set_xticks(range(len(names)))
    place.set_xticklabels(names, rotation=45, ha='right')
    place.set_yticks(range(len(names)))
    place.set_yticklabels(names)
    for row, values in enumerate(matrix.to_numpy()):
        for column, value in enumerate(values):
            place.text(column, row, '%.2f' % value, ha='center', va='center')
    place.set_title('Correlation Heatmap')


def _at_least(table: Any, count: int, kind: str) -> None:
    if table.shape[1] < count:
        raise ValueError('a %s plot needs %d columns; name them in `columns`' % (kind, count))


def _pyplot() -> Any:
    return _required('matplotlib.pyplot')


def _required(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition('.')[0]
        detail = 'analyze_data needs %s, which this Python does not have: %s' % (package, error)
        raise ImportError(detail) from None
