/** A web server for the bench: a small answer, or so many megabytes. */
import { createServer } from "node:http";

const block = Buffer.alloc(1024 * 1024, "x");
const server = createServer((request, response) => {
  const megabytes = Number(/big\?(\d+)/.exec(request.url)?.[1] ?? 0);
  if (megabytes === 0) return response.end("ok");
  response.writeHead(200, { "content-length": megabytes * block.length });
  const more = (left) => (left === 0 ? response.end() : response.write(block) ? setImmediate(more, left - 1) : response.once("drain", () => more(left - 1)));
  return more(megabytes);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
