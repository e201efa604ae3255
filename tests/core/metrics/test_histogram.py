"""Histograms count each value in one bucket, and remember an example of each."""

import pytest

from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.metrics.histogram import Histogram
from myscheduler.core.metrics.label_names import MOST, label_names


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        pytest.param(0.0, 0, id="nothing"),
        pytest.param(1.0, 0, id="a bound is in its own bucket"),
        pytest.param(1.5, 1, id="between"),
        pytest.param(2.0, 1, id="the last bound"),
        pytest.param(7.0, 2, id="above all bounds"),
        pytest.param(-3.0, 0, id="a clock was set back"),
    ],
)
def test_a_value_is_counted_in_one_bucket(value: float, bucket: int) -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe(value)
    assert histogram.counts == [int(index == bucket) for index in range(3)]
    assert histogram.total == max(value, 0.0)


def test_the_newest_example_of_a_bucket_is_kept() -> None:
    histogram = Histogram((1.0, 2.0))
    a, b, c = (TraceParent(digit * 32, digit * 16, is_sampled=True) for digit in "abc")
    for value, example in ((0.5, a), (0.7, b), (9.0, c), (0.1, None)):
        histogram.observe(value, example)
    assert histogram.examples == [(0.7, b), None, (9.0, c)]


def test_labels_get_names_that_can_stand_in_metrics() -> None:
    assert label_names("") == {}
    assert label_names(" team, app.kubernetes.io/name,team,") == {
        "team": "label_team",
        "app.kubernetes.io/name": "label_app_kubernetes_io_name",
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a.b,a-b", "the labels 'a.b' and 'a-b' would both be called label_a_b in the metrics: name one"),
        (",".join(f"l{index}" for index in range(MOST + 1)), f"name at most {MOST}"),
    ],
)
def test_labels_that_metrics_cant_have_are_refused(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        label_names(written)
