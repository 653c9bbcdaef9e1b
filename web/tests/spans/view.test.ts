import { describe, expect, test } from "vitest";
import {
  annotationIdOf,
  annotationKey,
  isPeoples,
  type Row,
  type Shown,
  viewOf,
} from "@/candleloop/spans/view";
import { NOTHING } from "@/candleloop/types";
import { annotated, predicted, tens } from "./series";

const ALL = { start_time: 0, end_time: 990 };

function shown(given: Partial<Shown> = {}): Shown {
  return {
    candles: tens(100),
    annotations: [],
    predictions: [],
    asked: [ALL],
    sought: null,
    known: ["flag", "wedge"],
    threshold: 0.7,
    hidden_labels: [],
    only_disagreements: false,
    ...given,
  };
}

function standings(rows: readonly Row[]): string[] {
  return rows.map(({ standing }) => standing);
}

const said = { label: "flag", confidence: 0.9, model_version: "1", start_time: 100, end_time: 200 };

describe("where people and model speak about the same candles", () => {
  test("the same label on the same candles agrees", () => {
    const { rows } = viewOf(shown({ annotations: [annotated()], predictions: [predicted()] }));
    expect(rows).toEqual([
      {
        key: "v1:flag|100|200",
        standing: "agreement",
        judged: false,
        prediction: predicted(),
        annotation: annotated(),
      },
    ]);
  });

  test("other bounds differ", () => {
    const predictions = [predicted({ start_time: 120, end_time: 190 })];
    const { rows } = viewOf(shown({ annotations: [annotated()], predictions }));
    expect(rows).toMatchObject([{ standing: "boundary_mismatch", judged: false }]);
  });

  test("another label differs", () => {
    const predictions = [predicted({ label: "wedge" })];
    const { rows } = viewOf(shown({ annotations: [annotated()], predictions }));
    expect(standings(rows)).toEqual(["label_mismatch"]);
  });

  test("what only the model says was missed by people", () => {
    expect(standings(viewOf(shown({ predictions: [predicted()] })).rows)).toEqual(["missed_by_human"]);
  });

  test("a label that people do not look for cannot be missed by them", () => {
    const { rows, summary } = viewOf(shown({ predictions: [predicted()], sought: ["wedge"] }));
    expect(standings(rows)).toEqual(["not_sought"]);
    expect(summary.agreement_rate).toBeNull();
    const only = shown({ predictions: [predicted()], sought: ["wedge"], only_disagreements: true });
    expect(viewOf(only).rows).toEqual([]);
  });

  test("a label that people look for can", () => {
    const { rows } = viewOf(shown({ predictions: [predicted()], sought: ["flag"] }));
    expect(standings(rows)).toEqual(["missed_by_human"]);
  });
});

describe("what the filters leave out", () => {
  test("a confidence below the threshold is left out and one just on it stays", () => {
    const predictions = [
      predicted({ avg_confidence: 0.7 }),
      predicted({ start_time: 500, end_time: 600, avg_confidence: 0.6999 }),
    ];
    const { rows, summary } = viewOf(shown({ predictions }));
    expect(rows.map(({ key }) => key)).toEqual(["v1:flag|100|200"]);
    expect(summary.counts.missed_by_human).toBe(1);
  });

  test("hidden labels are left out, people's alone among them too", () => {
    const given = shown({
      annotations: [annotated({ start_time: 500, end_time: 600 })],
      predictions: [predicted()],
      hidden_labels: ["flag"],
    });
    expect(viewOf(given).rows).toEqual([]);
  });

  test("a prediction below the threshold leaves the person's span as missed by the model", () => {
    const given = shown({ annotations: [annotated()], predictions: [predicted({ avg_confidence: 0.5 })] });
    expect(standings(viewOf(given).rows)).toEqual(["missed_by_model"]);
  });
});

describe("a dismissal", () => {
  const dismissal = annotated({ id: "d", label: NOTHING, source: "model_corrected", model_prediction: said });

  test("takes its label away there", () => {
    expect(viewOf(shown({ annotations: [dismissal], predictions: [predicted()] })).rows).toEqual([]);
  });

  test("takes it away for a later version of the model too, on about the same candles", () => {
    const later = predicted({ key: "v2", model_version: "2", start_time: 110, end_time: 210 });
    expect(viewOf(shown({ annotations: [dismissal], predictions: [later] })).rows).toEqual([]);
  });

  test("leaves another label there and its label elsewhere", () => {
    const predictions = [predicted({ label: "wedge" }), predicted({ start_time: 400, end_time: 500 })];
    const { rows } = viewOf(shown({ annotations: [dismissal], predictions }));
    expect(rows.map(({ key }) => key)).toEqual(["v1:wedge|100|200", "v1:flag|400|500"]);
  });

  test("that names no prediction takes nothing away and is no row", () => {
    const bare = annotated({ label: NOTHING });
    const { rows } = viewOf(shown({ annotations: [bare], predictions: [predicted()] }));
    expect(standings(rows)).toEqual(["missed_by_human"]);
  });
});

describe("a verdict", () => {
  const confirmed = annotated({ source: "model_confirmed", model_prediction: said });
  const moved = annotated({
    source: "model_corrected",
    start_time: 150,
    end_time: 260,
    model_prediction: said,
  });

  test("that confirms is a judged agreement", () => {
    const { rows } = viewOf(shown({ annotations: [confirmed], predictions: [predicted()] }));
    expect(rows).toMatchObject([{ standing: "agreement", judged: true, key: "v1:flag|100|200" }]);
  });

  test("that corrects the bounds is a judged mismatch of them, however far they went", () => {
    const { rows } = viewOf(shown({ annotations: [moved], predictions: [predicted()] }));
    expect(rows).toMatchObject([{ standing: "boundary_mismatch", judged: true }]);
  });

  test("that corrects the label is a judged mismatch of labels", () => {
    const wedge = annotated({ source: "model_corrected", label: "wedge", model_prediction: said });
    const { rows } = viewOf(shown({ annotations: [wedge], predictions: [predicted()] }));
    expect(rows).toMatchObject([{ standing: "label_mismatch", judged: true }]);
  });

  test("is no open disagreement", () => {
    const given = shown({ annotations: [moved], predictions: [predicted()], only_disagreements: true });
    expect(viewOf(given).rows).toEqual([]);
  });

  test("is a person's span like others where the model says it no longer", () => {
    const other = predicted({ label: "wedge", start_time: 600, end_time: 700 });
    const { rows } = viewOf(shown({ annotations: [confirmed], predictions: [other] }));
    expect(rows.map(({ key, standing }) => [key, standing])).toEqual([
      ["annotation:a1", "missed_by_model"],
      ["v1:wedge|600|700", "missed_by_human"],
    ]);
  });

  test("of an older export, which tells no bounds of the prediction, is judged by its own", () => {
    const old = annotated({
      source: "model_confirmed",
      model_prediction: { label: "flag", confidence: null, model_version: null },
    });
    const { rows } = viewOf(shown({ annotations: [old], predictions: [predicted()] }));
    expect(rows).toMatchObject([{ standing: "agreement", judged: true }]);
  });
});

describe("what the model can have missed", () => {
  const lone = annotated({ start_time: 300, end_time: 350 });

  test("is a span of a known label where it was asked", () => {
    expect(standings(viewOf(shown({ annotations: [lone] })).rows)).toEqual(["missed_by_model"]);
  });

  test.each([
    ["where it was not asked", { asked: [{ start_time: 0, end_time: 200 }] }],
    ["where it was asked for a part only", { asked: [{ start_time: 0, end_time: 340 }] }],
    ["of a label that it does not know", { known: ["wedge"] }],
    ["of a hidden label", { hidden_labels: ["flag"] }],
  ])("is none %s", (_, given) => {
    expect(viewOf(shown({ annotations: [lone], ...given })).rows).toEqual([]);
  });

  test("is no annotation of TA-Lib's, which nobody has made", () => {
    expect(viewOf(shown({ annotations: [annotated({ source: "talib" })] })).rows).toEqual([]);
    expect(isPeoples(annotated({ source: "talib" }))).toBe(false);
    expect(isPeoples(annotated({ label: NOTHING }))).toBe(false);
    expect(isPeoples(annotated())).toBe(true);
  });

  test("an annotation of TA-Lib's agrees with no prediction", () => {
    const given = shown({ annotations: [annotated({ source: "talib" })], predictions: [predicted()] });
    expect(standings(viewOf(given).rows)).toEqual(["missed_by_human"]);
  });
});

describe("the summary", () => {
  const given = {
    annotations: [
      annotated({ id: "same" }),
      annotated({ id: "moved", start_time: 300, end_time: 400 }),
      annotated({ id: "other", start_time: 500, end_time: 600 }),
      annotated({ id: "alone", start_time: 700, end_time: 750 }),
    ],
    predictions: [
      predicted(),
      predicted({ start_time: 310, end_time: 400 }),
      predicted({ label: "wedge", start_time: 500, end_time: 600 }),
      predicted({ start_time: 850, end_time: 900 }),
    ],
  };

  test("counts each row once", () => {
    expect(viewOf(shown(given)).summary).toEqual({
      counts: {
        agreement: 1,
        boundary_mismatch: 1,
        label_mismatch: 1,
        missed_by_human: 1,
        missed_by_model: 1,
        not_sought: 0,
      },
      agreement_rate: 0.4,
      below_threshold: 0,
    });
  });

  test("says how many predictions are less sure, of labels that are shown and not dismissed", () => {
    const unsure = [0.1, 0.2].map((avg_confidence, at) =>
      predicted({ avg_confidence, start_time: 100 * at, end_time: 100 * at + 50 }),
    );
    const others = { ...given, predictions: [...given.predictions, ...unsure] };
    expect(viewOf(shown(others)).summary.below_threshold).toBe(2);
    expect(viewOf(shown({ ...others, hidden_labels: ["flag"] })).summary.below_threshold).toBe(0);
  });

  test("is that before the filter of disagreements", () => {
    const filtered = viewOf(shown({ ...given, only_disagreements: true }));
    expect(filtered.summary).toEqual(viewOf(shown(given)).summary);
    expect(standings(filtered.rows)).toEqual([
      "boundary_mismatch",
      "label_mismatch",
      "missed_by_model",
      "missed_by_human",
    ]);
  });

  test("has no rate of agreement without rows", () => {
    expect(viewOf(shown()).summary.agreement_rate).toBeNull();
  });
});

describe("keys", () => {
  const given = {
    annotations: [
      annotated({ id: "1" }),
      annotated({ id: "2" }),
      annotated({ id: "3", start_time: 400, end_time: 450 }),
    ],
    predictions: [predicted(), predicted({ label: "wedge" }), predicted({ start_time: 600, end_time: 660 })],
  };

  test("are unique", () => {
    const keys = viewOf(shown(given)).rows.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(3);
  });

  test("are those of the prediction, else of the person's span, whatever else is shown", () => {
    const keys = (more: Partial<Shown>) => viewOf(shown({ ...given, ...more })).rows.map(({ key }) => key);
    const ofAll = ["v1:flag|100|200", "v1:wedge|100|200", "annotation:3", "v1:flag|600|660"];
    expect(keys({})).toEqual(ofAll);
    expect(keys({ only_disagreements: true })).toEqual(ofAll.slice(1));
    expect(keys({ hidden_labels: ["flag"] })).toEqual(["v1:wedge|100|200"]);
  });

  test("are unique where two verdicts are about one prediction", () => {
    const annotations = [
      annotated({ id: "1", source: "model_confirmed", model_prediction: said }),
      annotated({ id: "2", source: "model_confirmed", model_prediction: said }),
    ];
    const keys = viewOf(shown({ annotations, predictions: [predicted()] })).rows.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("of people's spans tell their id, and those of others none", () => {
    expect(annotationIdOf(annotationKey("7:x"))).toBe("7:x");
    expect(annotationIdOf("v1:flag|1|2")).toBeNull();
  });
});

test("rows come by their start", () => {
  const given = shown({
    annotations: [annotated({ start_time: 500, end_time: 550 })],
    predictions: [predicted({ start_time: 700, end_time: 800 }), predicted({ start_time: 10, end_time: 50 })],
  });
  expect(
    viewOf(given).rows.map(({ prediction, annotation }) => (prediction ?? annotation)?.start_time),
  ).toEqual([10, 500, 700]);
});
