import { describe, expect, test } from "vitest";
import { type Layers, layersOf } from "@/candleloop/spans/layers";
import { annotationKey, type Row } from "@/candleloop/spans/view";
import { NOTHING } from "@/candleloop/types";
import { annotated, predicted } from "./series";

function layers(given: Partial<Layers> = {}): Layers {
  return {
    rows: [],
    annotations: [],
    detected: [],
    colors: new Map([["flag", "#112233"]]),
    ...given,
  };
}

function row(given: Partial<Row> = {}): Row {
  return {
    key: "v1:flag|100|200",
    standing: "agreement",
    judged: false,
    prediction: predicted(),
    annotation: null,
    ...given,
  };
}

describe("people's spans", () => {
  test("are solid, movable and in the colour of their label", () => {
    expect(layersOf(layers({ annotations: [annotated({ annotator: "ada", notes: "clear" })] }))).toEqual([
      {
        key: annotationKey("a1"),
        tag: "Flag",
        hover: ["By ada", "1970-01-01 00:01 – 00:03", "clear"],
        start_time: 100,
        end_time: 200,
        color: "#112233",
        stroke: "solid",
        outline: null,
        provisional_from: null,
        movable: true,
      },
    ]);
  });

  test("that confirm a prediction carry a tick and tell what was said", () => {
    const model_prediction = { label: "bull_flag", confidence: 0.999, model_version: "1" };
    const [span] = layersOf(
      layers({ annotations: [annotated({ source: "model_confirmed", model_prediction })] }),
    );
    expect(span?.tag).toBe("Flag ✓");
    expect(span?.hover).toContain("The model said: Bull flag 0.99");
  });

  test("are there while the model's rows are not shown", () => {
    expect(layersOf(layers({ annotations: [annotated()], rows: [] }))).toHaveLength(1);
  });

  test("that say nothing is there are not drawn", () => {
    expect(layersOf(layers({ annotations: [annotated({ label: NOTHING })] }))).toEqual([]);
  });
});

describe("predictions", () => {
  test.each([
    ["agreement", null],
    ["boundary_mismatch", null],
    ["label_mismatch", "orange"],
    ["missed_by_human", "yellow"],
    ["not_sought", null],
  ] as const)("of standing %s are dashed with outline %s", (standing, outline) => {
    const [span] = layersOf(layers({ rows: [row({ standing })] }));
    expect(span).toMatchObject({ stroke: "dashed", outline, tag: "Flag 0.90", movable: true });
  });

  test("that a person has judged are that person's alone", () => {
    const annotation = annotated({ source: "model_confirmed" });
    const drawn = layersOf(layers({ rows: [row({ judged: true, annotation })], annotations: [annotation] }));
    expect(drawn.map(({ stroke }) => stroke)).toEqual(["solid"]);
  });

  test("that name another label tell people's", () => {
    const rows = [row({ standing: "label_mismatch", annotation: annotated({ label: "rising_wedge" }) })];
    expect(layersOf(layers({ rows }))[0]?.hover[0]).toBe("Other label: Rising wedge");
  });

  test("are hatched from where the model's word may change, if theirs may", () => {
    const provisional = row({ prediction: predicted({ provisional_from: 150 }) });
    const drawn = layersOf(layers({ rows: [row(), provisional] }));
    expect(drawn.map(({ provisional_from }) => provisional_from)).toEqual([null, 150]);
  });

  test("that are missing are drawn as people's span only", () => {
    const rows = [row({ standing: "missed_by_model", prediction: null, annotation: annotated() })];
    expect(layersOf(layers({ rows, annotations: [annotated()] })).map(({ key }) => key)).toEqual([
      annotationKey("a1"),
    ]);
  });
});

describe("TA-Lib's spans", () => {
  const found = {
    label: "bullish_engulfing",
    start_time: 10,
    end_time: 20,
    confidence: 1,
    source: "talib" as const,
  };

  test("are dotted and stay where they are, detected now or stored", () => {
    const stored = annotated({ source: "talib" });
    const drawn = layersOf(layers({ detected: [found], annotations: [stored] }));
    expect(drawn.map(({ stroke, movable }) => [stroke, movable])).toEqual([
      ["dotted", false],
      ["dotted", false],
    ]);
    expect(drawn[1]?.tag).toBe("Bullish engulfing");
  });

  test("have a key of their own each, also where a stored one is detected again", () => {
    const stored = annotated({ ...found, id: "t" });
    const keys = layersOf(layers({ detected: [found], annotations: [stored] })).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

test("people's spans lie over predictions, and these over TA-Lib's", () => {
  const detected = [
    { label: "hammer", start_time: 10, end_time: 20, confidence: 1, source: "talib" as const },
  ];
  const drawn = layersOf(layers({ rows: [row()], annotations: [annotated()], detected }));
  expect(drawn.map(({ stroke }) => stroke)).toEqual(["dotted", "dashed", "solid"]);
});
