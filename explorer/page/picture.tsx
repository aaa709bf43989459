/** The picture of a machine: boxes in four columns, and arrows to the pages. */
import type { PlainValue } from "../../checker/trace/plain.ts";
import { type Box, drawState, type Line } from "./drawing.ts";

const columns = [
  { x: 4, width: 158 },
  { x: 184, width: 196 },
  { x: 402, width: 232 },
  { x: 716, width: 222 },
] as const;
const lineHeight = 18;
const gap = 12;

interface Placed {
  readonly box: Box;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function heightOf(box: Box): number {
  return (
    26 + (box.detail === "" ? 0 : lineHeight) + box.lines.length * lineHeight + (box.page === null ? 0 : 8)
  );
}

function place(boxes: readonly Box[]): Placed[] {
  const next = [4, 4, 4, 4];
  return boxes.map((box) => {
    const { x, width } = columns[box.column];
    const height = heightOf(box);
    const y = next[box.column];
    next[box.column] += height + gap;
    return { box, x, y, width, height };
  });
}

/** Cut to what fits into the box; the whole text is in the title. */
function fit(text: string, width: number): string {
  const room = Math.floor(width / 6.5);
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

export function Picture(props: {
  readonly state: PlainValue;
  readonly changed: readonly string[];
  /** The page that the violation is about. */
  readonly culprit: number | null;
}) {
  const placed = place(drawState(props.state, props.changed));
  const height = Math.max(60, ...placed.map(({ y, height: own }) => y + own)) + 6;
  const arrows = placed.flatMap((from) =>
    from.box.lines.flatMap((line, i) => {
      const to = placed.find(({ box }) => box.page !== null && box.page === line.page);
      return to === undefined ? [] : [{ from, to, line, i }];
    }),
  );
  const told = placed.map(({ box }) =>
    [box.title, box.detail, ...box.lines.map(({ text }) => text)].join(" "),
  );
  return (
    <>
      <svg
        class="picture"
        viewBox={`0 0 942 ${height}`}
        role="img"
        aria-label={`The machine. ${told.join(". ")}`}
      >
        {placed.map((each) => (
          <BoxOf
            key={each.box.title}
            placed={each}
            isCulprit={each.box.page !== null && each.box.page === props.culprit}
          />
        ))}
        {arrows.map(({ from, to, line, i }) => (
          <path
            key={line.path}
            class={line.page === props.culprit && line.kind !== "gone" ? "bad" : line.kind}
            d={curve(from, to, i)}
          />
        ))}
      </svg>
      <p class="legend" aria-hidden="true">
        <span>
          <i style="color:var(--entry)" />
          live entry
        </span>
        <span>
          <i style="color:var(--wire);border-top-style:dashed" />
          invalidated entry
        </span>
        <span>
          <i style="color:var(--tlb)" />
          TLB
        </span>
        <span>
          <i style="color:var(--walk)" />
          walk or access in progress
        </span>
        <span>
          <i style="color:var(--mark)" />
          table pointer
        </span>
        <span>
          <i style="color:var(--changed)" />
          changed by this step
        </span>
        <span>
          <i style="color:var(--bad)" />
          what breaks the property
        </span>
      </p>
    </>
  );
}

function curve(from: Placed, to: Placed, line: number): string {
  const [x1, y1] = [
    from.x + from.width,
    from.y + 30 + (from.box.detail === "" ? 0 : lineHeight) + line * lineHeight,
  ];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const middle = (x2 - x1) / 2;
  return `M ${x1} ${y1} C ${x1 + middle} ${y1}, ${x2 - middle} ${y2}, ${x2} ${y2} m -7 -4 l 7 4 l -7 4`;
}

function BoxOf({ placed: { box, x, y, width, height }, isCulprit }: { placed: Placed; isCulprit: boolean }) {
  const classes = [box.isChanged ? "changed" : "", isCulprit ? "culprit" : ""].join(" ");
  const first = y + 20 + (box.detail === "" ? 0 : lineHeight);
  return (
    <g class={classes}>
      <rect x={x} y={y} width={width} height={height} rx="5" class={box.tone} />
      <text x={x + 9} y={y + 18} class="title">
        {fit(box.title, width)}
        <title>{box.title}</title>
      </text>
      {box.detail === "" ? null : (
        <text x={x + 9} y={y + 36} class="small">
          {fit(box.detail, width * 1.15)}
          <title>{box.detail}</title>
        </text>
      )}
      {box.lines.map((line, i) => (
        <LineOf key={line.path} line={line} x={x} y={first + i * lineHeight} width={width} />
      ))}
    </g>
  );
}

function LineOf({ line, x, y, width }: { line: Line; x: number; y: number; width: number }) {
  return (
    <g class={line.isChanged ? "changed" : ""}>
      {line.isChanged ? (
        <rect x={x + 4} y={y + 2} width={width - 8} height={lineHeight - 1} rx="3" fill="none" />
      ) : null}
      <text x={x + 9} y={y + 15}>
        {fit(line.text, width)}
        <title>{`${line.path}: ${line.text}`}</title>
      </text>
    </g>
  );
}
