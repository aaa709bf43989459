/** The page: one address, from which everything shown follows. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Catalogue, Choices, Embedded, Names, Timeline, Until } from "../engine/protocol.ts";
import { type Address, formatAddress, parseAddress } from "./address.ts";
import type { Client } from "./client.ts";
import { Banner, Changes, Processes, Story } from "./details.tsx";
import { canDraw } from "./drawing.ts";
import { Picture } from "./picture.tsx";
import { Schedule } from "./schedule.tsx";
import { Walking } from "./walking.tsx";

type Theme = "light" | "dark";

function preferredTheme(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function App({ client, embedded }: { client: Client; embedded: Embedded }) {
  const start: Address = { route: embedded.route, cursor: 0 };
  const [address, setAddress] = useState<Address>(() => parseAddress(location.hash) ?? start);
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  const [found, setFound] = useState<{ readonly of: string; readonly choices: Choices } | null>(null);
  const [names, setNames] = useState<Names | null>(null);
  const [catalogue, setCatalogue] = useState<Catalogue | null>(null);
  const [error, setError] = useState("");
  const [said, setSaid] = useState("");
  const [theme, setTheme] = useState<Theme>(preferredTheme);
  const filter = useRef<HTMLInputElement>(null);
  const { route, cursor } = address;
  const key = JSON.stringify(route);
  const target = JSON.stringify(route.target);
  // What the page was made for, as long as it is looked at.
  const claim = JSON.stringify(embedded.route.target) === target ? embedded.claim : null;
  // Keys may come faster than the page is drawn.
  const latest = useRef(address);
  const here = `${key} ${cursor}`;
  const choices = found?.of === here ? found.choices : null;

  const show = useCallback((next: Address, isNew: boolean) => {
    const hash = formatAddress(next);
    if (isNew) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
    latest.current = next;
    setAddress(next);
  }, []);

  useEffect(() => {
    const listen = () => {
      const next = parseAddress(location.hash);
      if (next === null) return;
      latest.current = next;
      setAddress(next);
    };
    addEventListener("popstate", listen);
    addEventListener("hashchange", listen);
    return () => {
      removeEventListener("popstate", listen);
      removeEventListener("hashchange", listen);
    };
  }, []);

  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);

  useEffect(() => {
    client.ask({ op: "catalogue" }).then(setCatalogue, (reason: Error) => setError(reason.message));
  }, [client]);

  useEffect(() => {
    setNames(null);
    client.ask({ op: "names", target: route.target }).then(setNames, () => setNames(null));
  }, [target]);

  useEffect(() => {
    let isLate = false;
    const load = async (): Promise<void> => {
      try {
        const made = await client.ask({ op: "timeline", route, claim });
        if (isLate) return;
        setTimeline(made);
        setError(made.stopped ?? "");
      } catch (reason) {
        if (!isLate) setError(reason instanceof Error ? reason.message : String(reason));
      }
    };
    void load();
    return () => {
      isLate = true;
    };
  }, [key]);

  useEffect(() => {
    let isLate = false;
    const load = async (): Promise<void> => {
      try {
        const made = await client.ask({
          op: "choices",
          route: { ...route, path: route.path.slice(0, cursor) },
        });
        if (!isLate) setFound({ of: here, choices: made });
      } catch {
        // The timeline of the same route tells what is wrong with it.
      }
    };
    void load();
    return () => {
      isLate = true;
    };
  }, [here]);

  const goTo = (to: number) => {
    const { route: now } = latest.current;
    show({ route: now, cursor: Math.max(0, Math.min(now.path.length, to)) }, false);
  };
  const goBy = (by: number) => goTo(latest.current.cursor + by);
  const extend = (ids: readonly number[]) => {
    const { route: now, cursor: at } = latest.current;
    const path = [...now.path.slice(0, at), ...ids];
    show({ route: { ...now, path }, cursor: at + ids.length }, true);
  };
  const take = (id: number) => (route.path[cursor] === id ? goTo(cursor + 1) : extend([id]));
  const goToEssential = (by: 1 | -1) => {
    const steps = timeline?.steps ?? [];
    for (let n = latest.current.cursor + by; n >= 1 && n <= steps.length; n += by)
      if (steps[n - 1].role === "essential") return goTo(n);
    return goTo(by === 1 ? steps.length : 0);
  };

  useEffect(() => {
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => goBy(1),
      ArrowRight: () => goBy(1),
      j: () => goBy(1),
      ArrowUp: () => goBy(-1),
      ArrowLeft: () => goBy(-1),
      k: () => goBy(-1),
      Home: () => goTo(0),
      End: () => goTo(Infinity),
      n: () => goToEssential(1),
      p: () => goToEssential(-1),
      t: () => setTheme(theme === "dark" ? "light" : "dark"),
      "/": () => filter.current?.focus(),
    };
    const listen = (event: KeyboardEvent) => {
      const { target: at } = event;
      const isTyping = at instanceof HTMLInputElement || at instanceof HTMLSelectElement;
      const action = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
      if (isTyping || action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  });

  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      setSaid("copied");
    } catch {
      setSaid("copy the address from the browser’s bar");
    }
  };

  if (timeline === null) {
    return (
      <main class="side">
        <h1>dmaspec explore</h1>
        <p role="status">{error === "" ? "The engine is starting …" : error}</p>
      </main>
    );
  }
  const at = Math.min(cursor, timeline.steps.length);
  const { state, broken } = timeline.states[at];
  const page = broken.map(({ args }) => args.page).find((each) => typeof each === "number");
  const changed = at === 0 ? [] : timeline.steps[at - 1].changes.map(({ path }) => path);
  return (
    <div class="app">
      <header>
        <h1>{route.target.design}</h1>
        <ModelPicker catalogue={catalogue} address={address} show={show} />
        <span class="bounds">{timeline.meaning}</span>
        <span class="space" />
        <span role="status">{said}</span>
        <button type="button" onClick={() => void copy()}>
          copy link
        </button>
        <button type="button" onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>
          {theme === "dark" ? "light" : "dark"}
        </button>
      </header>
      <Schedule timeline={timeline} cursor={at} goTo={goTo} />
      <main class="side" data-step={at}>
        {error === "" ? null : (
          <p class="notice" role="alert">
            {error}
          </p>
        )}
        <Banner timeline={timeline} cursor={at} />
        <Story
          timeline={timeline}
          findSafe={() => client.ask({ op: "safe", route, claim })}
          follow={(path) => {
            const parts = path.findIndex((id, i) => id !== route.path[i]);
            show({ route: { ...route, path }, cursor: parts < 0 ? path.length : parts }, true);
          }}
        />
        {canDraw(state) ? (
          <section class="card" aria-label="Machine">
            <h2>The machine after {at === 0 ? "no step" : `step ${at}`}</h2>
            <Picture state={state} changed={changed} culprit={typeof page === "number" ? page : null} />
          </section>
        ) : null}
        <div class="columns">
          <div>
            <Processes timeline={timeline} cursor={at} />
            <div style="height:14px" />
            <Changes timeline={timeline} cursor={at} filterRef={filter} />
          </div>
          <Walking
            choices={choices}
            names={names}
            next={route.path[at] ?? null}
            take={take}
            run={async (until: Until) => {
              const result = await client.ask({
                op: "run",
                route: { ...route, path: route.path.slice(0, at) },
                until,
              });
              if (result.path !== null && result.path.length > 0) extend(result.path);
              return result;
            }}
          />
        </div>
        <p>
          <kbd>↓</kbd> <kbd>↑</kbd> step · <kbd>n</kbd> <kbd>p</kbd> to the next or previous step that matters
          · <kbd>Home</kbd> <kbd>End</kbd> · <kbd>/</kbd> filter · <kbd>t</kbd> light or dark · the browser’s
          back button takes a step back that you took
        </p>
      </main>
    </div>
  );
}

function ModelPicker(props: {
  readonly catalogue: Catalogue | null;
  readonly address: Address;
  readonly show: (address: Address, isNew: boolean) => void;
}) {
  const { catalogue, address, show } = props;
  const { target } = address.route;
  const design = catalogue?.designs.find(({ name }) => name === target.design);
  const open = (next: { design: string; scenario: string; size: string }) =>
    show(
      { route: { target: { ...next, powersOff: [], assumptionsOff: [] }, initial: 0, path: [] }, cursor: 0 },
      true,
    );
  const choose = (name: string) => {
    const chosen = catalogue?.designs.find((each) => each.name === name);
    const scenario = chosen?.scenarios.find((each) => each.name === chosen.defaultScenario);
    if (chosen === undefined || scenario === undefined) return;
    open({
      design: name,
      scenario: scenario.name,
      size: scenario.sizes.includes("tiny") ? "tiny" : scenario.sizes[0],
    });
  };
  const names = catalogue?.designs.map(({ name }) => name) ?? [];
  return (
    <>
      <label>
        design{" "}
        <select value={target.design} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          {(names.includes(target.design) ? names : [target.design, ...names]).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        on{" "}
        <select
          value={`${target.scenario} ${target.size}`}
          onChange={({ currentTarget }) => {
            const [scenario, size] = currentTarget.value.split(" ");
            open({ design: target.design, scenario, size });
          }}
        >
          {(design?.scenarios ?? [{ name: target.scenario, sizes: [target.size] }]).flatMap(
            ({ name, sizes }) =>
              sizes.map((size) => (
                <option key={`${name} ${size}`} value={`${name} ${size}`}>{`${name}, ${size}`}</option>
              )),
          )}
        </select>
      </label>
    </>
  );
}
