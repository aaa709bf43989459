/** Starts the page from what the command put into it. */
import { render } from "preact";
import type { Embedded } from "../engine/protocol.ts";
import { App } from "./app.tsx";
import { Client } from "./client.ts";

function textOf(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

const embedded = JSON.parse(textOf("embedded")) as Embedded;
const place = document.getElementById("page");
if (place !== null) render(<App client={new Client(textOf("engine"))} embedded={embedded} />, place);
