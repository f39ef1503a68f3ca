"""Pictures of what a recommender has learned and of how far to trust it, as Plotly figures.

    import penchant as pt
    from penchant import plots

    figure = plots.item_map(rec, theme="dark")
    figure.show()                                  # in a notebook or a browser
    plots.save(figure, "map.html")                 # or .png, .svg, .pdf

They need the extra `plot` (`pip install 'penchant[plot]'`); images (not HTML) also need Chrome or Chromium. Each
function takes `theme="light"` or `"dark"`. Names that are too long for their place are cut there, and whole under the
pointer. What the pictures say is told in docs/plots.md.
"""

from penchant.plots.certainty import intervals_by_count
from penchant.plots.items import bias_ranking, item_map
from penchant.plots.judging import by_popularity, predicted_against_true
from penchant.plots.learning import learning_curve, ratings_histogram
from penchant.plots.questions import two_questions
from penchant.plots.reasons import explanation
from penchant.plots.saving import save

__all__ = [
    "bias_ranking",
    "by_popularity",
    "explanation",
    "intervals_by_count",
    "item_map",
    "learning_curve",
    "predicted_against_true",
    "ratings_histogram",
    "save",
    "two_questions",
]
