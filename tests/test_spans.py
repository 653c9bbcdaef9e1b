from mllib.spans import Annotation, ReviewedRange, Span, clarity_weight, with_sub_spans


def test_clarity_weighs_as_a_share_of_the_clearest() -> None:
    weights = [clarity_weight(Annotation("flag", 0, 9, id="a", clarity=c)) for c in (1, 3, 5, None)]
    assert weights == [0.2, 0.6, 1.0, 1.0]
    assert clarity_weight(Span("doji", 0, 0)) == 1.0


def test_sub_spans_become_spans_of_their_own_labels() -> None:
    parts = (Span("pole", 0, 3), Span("channel", 4, 9))
    flag = Annotation("flag", 0, 9, id="a", clarity=2, sub_spans=parts)
    plain = Annotation("wedge", 20, 30, id="b")
    spans, _ = with_sub_spans([flag, plain], [])
    assert spans[:2] == [flag, plain]
    assert [(s.label, s.start_time, s.end_time, s.clarity, s.sub_spans) for s in spans[2:]] == [
        ("pole", 0, 3, 2, None),
        ("channel", 4, 9, 2, None),
    ]


def test_who_looked_for_a_label_has_looked_for_its_parts() -> None:
    flag = Annotation("flag", 0, 9, id="a", sub_spans=(Span("pole", 0, 3),))
    ranges = [
        ReviewedRange(0, 50, frozenset({"flag", "wedge"})),
        ReviewedRange(60, 90, frozenset({"wedge"})),
    ]
    _, reviewed = with_sub_spans([flag], ranges)
    assert [part.labels for part in reviewed] == [{"flag", "wedge", "pole"}, {"wedge"}]
