/** The yardstick of the way out: takes connections, and moves their bytes to another port of this machine, nothing else. */
import { connect, createServer } from "node:net";

const to = Number(process.argv[2]);
const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const other = connect({ port: to, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  client.pipe(other).on("error", () => client.destroy());
  other.pipe(client).on("error", () => other.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
