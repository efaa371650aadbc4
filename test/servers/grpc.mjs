/** A gRPC server or client (argument: server HOST:PORT, or client HOST:PORT) with one method that gives back what it gets. */
import grpc from "../e2e/node_modules/@grpc/grpc-js/build/src/index.js";

const [, , role, address] = process.argv;
const method = { echo: { path: "/test.Echo/Echo", requestStream: false, responseStream: false, requestSerialize: (text) => Buffer.from(text), requestDeserialize: (bytes) => bytes.toString(), responseSerialize: (text) => Buffer.from(text), responseDeserialize: (bytes) => bytes.toString() } };
if (role === "server") {
  const server = new grpc.Server();
  server.addService(method, { echo: (call, done) => done(null, `echo ${call.request}`) });
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), () => console.log("ready"));
} else {
  const Client = grpc.makeGenericClientConstructor(method, "Echo");
  new Client(address, grpc.credentials.createInsecure()).echo("hello", { deadline: Date.now() + 8000 }, (error, text) => {
    console.log(error === null ? text : `failed: ${error.message}`);
    process.exit();
  });
}
