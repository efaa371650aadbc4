/** Tells when a client's file gains a server without the gate, until it is stopped. */
import { survey, type Asked, type Found } from "../clients/find.ts";
import { escapeControls } from "../errors.ts";
import type { Host } from "../model.ts";

const EVERY = 1000;

export function watchClients(asked: Asked, host: Host): Promise<number> {
  const open = (): Map<string, Found> => new Map(survey({ ...asked, servers: [] }, host).found.filter(({ state, name }) => (state === "open" || state === "other") && (asked.servers.length === 0 || asked.servers.includes(name))).map((one) => [keyOf(one), one]));
  const tell = ({ file, name, detail }: Found): void => void host.stdout.write(`${new Date(host.now() / 1000).toISOString()} not protected: ${escapeControls(`${name} (${file.client.title}, ${file.path}): ${detail}; next step: sallyport protect --server ${name}`)}\n`);
  let known = new Map<string, Found>();
  const look = (): void => {
    const now = open();
    for (const [key, one] of now) if (!known.has(key)) tell(one);
    known = now;
  };
  look();
  const timer = setInterval(look, EVERY);
  return new Promise((resolve) => host.onSignal(() => (clearInterval(timer), resolve(0))));
}

function keyOf({ file, name }: Found): string {
  return `${file.path}\0${file.scope}\0${name}`;
}
