/** Answers every request at once; as little of its own as possible, so that what stands in between shows. */
let rest = "";
process.stdin.setEncoding("latin1");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  let answers = "";
  for (const line of lines) {
    const at = line.indexOf('"id":') + 5;
    const id = line.slice(at, line.indexOf(",", at));
    // Compared once, before anything is measured.
    if (line.includes('"tools/list"')) {
      answers += `{"jsonrpc":"2.0","id":${id},"result":{"tools":[{"name":"echo","description":"Says the same.","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}}]}}\n`;
      continue;
    }
    answers += `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"the same answer every time"}]}}\n`;
  }
  process.stdout.write(answers);
});
