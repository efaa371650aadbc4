/** The fixture that the official conformance suite expects, in both eras over STDIO; names and texts are the suite's. */
import { McpServer, ResourceTemplate, acceptedContent, completable, fromJsonSchema, inputRequired, inputResponse } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";
const text = (value) => ({ content: [{ type: "text", text: value }] });
const object = (properties = {}, required = Object.keys(properties)) => fromJsonSchema({ type: "object", properties, required });
const string = { type: "string" };
const embedded = (uri) => ({ type: "resource", resource: { uri, mimeType: "text/plain", text: "This is an embedded resource content." } });
const form = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required });
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const per2026 = (ctx) => ctx.mcpReq.envelope !== undefined && Object.keys(ctx.mcpReq.envelope).length > 0;

function build() {
  const server = new McpServer(
    { name: "conformance-fixture", version: "1.0.0" },
    { capabilities: { logging: {}, completions: {}, tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true } }, instructions: "A fixture." },
  );
  const tool = (name, description, inputSchema, handler) => server.registerTool(name, { description, inputSchema }, handler);

  tool("test_simple_text", "Text", object(), () => text("This is a simple text response for testing."));
  tool("test_image_content", "Image", object(), () => ({ content: [{ type: "image", data: PNG, mimeType: "image/png" }] }));
  tool("test_audio_content", "Audio", object(), () => ({ content: [{ type: "audio", data: WAV, mimeType: "audio/wav" }] }));
  tool("test_embedded_resource", "Resource", object(), () => ({ content: [embedded("test://embedded-resource")] }));
  tool("test_multiple_content_types", "Several", object(), () => ({ content: [{ type: "text", text: "Multiple content types test:" }, { type: "image", data: PNG, mimeType: "image/png" }, embedded("test://mixed-content-resource")] }));
  tool("test_error_handling", "Error", object(), () => ({ isError: true, content: [{ type: "text", text: "This tool intentionally returns an error for testing" }] }));
  for (const name of ["test_tool_with_logging", "test_logging_tool"]) {
    tool(name, "Logs", object(), async (_, ctx) => {
      for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        await ctx.mcpReq.log("info", line);
        await wait(50);
      }
      return text("Tool with logging executed successfully");
    });
  }
  tool("test_tool_with_progress", "Progress", object(), async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
      await wait(50);
    }
    return text(String(progressToken));
  });
  tool("test_sampling", "Sampling", object({ prompt: string }), async ({ prompt }, ctx) => {
    const { content } = await ctx.mcpReq.requestSampling({ messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens: 100 });
    return text(`LLM response: ${content.text}`);
  });
  const elicit = (name, args, message, schema) =>
    tool(name, "Elicitation", args, async (given, ctx) => {
      const { action, content } = await ctx.mcpReq.elicitInput({ message: given.message ?? message, requestedSchema: schema });
      return text(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
    });
  elicit("test_elicitation", object({ message: string }), "", form({ username: { type: "string", description: "User's response" }, email: { type: "string", description: "User's email address" } }));
  elicit("test_elicitation_sep1034_defaults", object(), "Please review and update the form fields with defaults", form({
    name: { type: "string", description: "User name", default: "John Doe" }, age: { type: "integer", description: "User age", default: 30 }, score: { type: "number", description: "User score", default: 95.5 },
    status: { type: "string", description: "User status", enum: ["active", "inactive", "pending"], default: "active" }, verified: { type: "boolean", description: "Verification status", default: true },
  }, []));
  const three = ["option1", "option2", "option3"];
  const titled = three.map((value, index) => ({ const: `value${index + 1}`, title: `${["First", "Second", "Third"][index]} Option` }));
  elicit("test_elicitation_sep1330_enums", object(), "Please select options from the enum fields", form({
    untitledSingle: { type: "string", description: "Select one option", enum: three }, titledSingle: { type: "string", description: "Select one option with titles", oneOf: titled },
    legacyEnum: { type: "string", description: "Select one option (legacy)", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
    untitledMulti: { type: "array", description: "Select multiple options", minItems: 1, maxItems: 3, items: { type: "string", enum: three } },
    titledMulti: { type: "array", description: "Select multiple options with titles", minItems: 1, maxItems: 3, items: { anyOf: titled } },
  }, []));
  tool("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", fromJsonSchema({
    $schema: "https://json-schema.org/draft/2020-12/schema", type: "object",
    $defs: { address: { $anchor: "addressDef", type: "object", properties: { street: string, city: string } } },
    properties: { name: string, address: { $ref: "#/$defs/address" }, contactMethod: { type: "string", enum: ["phone", "email"] }, phone: string, email: string },
    allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
    if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] }, then: { required: ["phone"] }, else: { required: ["email"] },
    additionalProperties: false,
  }), (args) => text(JSON.stringify(args)));
  tool("test_trigger_tool_change", "Changes the tools", object(), () => (server.sendToolListChanged(), text("changed")));
  tool("test_trigger_prompt_change", "Changes the prompts", object(), () => (server.sendPromptListChanged(), text("changed")));
  tool("test_reconnection", "Reconnects", object(), () => text("Reconnection test completed"));

  multiRound(tool);

  const resource = (name, uri, mimeType, contents) => server.registerResource(name, uri, { description: name, mimeType }, () => ({ contents: [{ uri, mimeType, ...contents }] }));
  resource("Static text", "test://static-text", "text/plain", { text: "This is the content of the static text resource." });
  resource("Static binary", "test://static-binary", "image/png", { blob: PNG });
  resource("Watched", "test://watched-resource", "text/plain", { text: "Watched resource content" });
  server.registerResource("Template", new ResourceTemplate("test://template/{id}/data", { list: undefined }), { mimeType: "application/json" }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
  for (const method of ["resources/subscribe", "resources/unsubscribe"]) server.server.setRequestHandler(method, () => ({}));

  const user = (content) => ({ messages: [{ role: "user", content }] });
  server.registerPrompt("test_simple_prompt", { description: "Simple" }, () => user({ type: "text", text: "This is a simple prompt for testing." }));
  const completed = completable(fromJsonSchema({ type: "string" }), (value) => ["paris", "park", "party"].filter((word) => word.startsWith(value)));
  void completed;
  server.registerPrompt("test_prompt_with_arguments", { description: "Arguments", argsSchema: object({ arg1: { type: "string", description: "First" }, arg2: { type: "string", description: "Second" } }) }, ({ arg1, arg2 }) => user({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }));
  server.registerPrompt("test_prompt_with_embedded_resource", { description: "Resource", argsSchema: object({ resourceUri: string }) }, ({ resourceUri }) => ({
    messages: [{ role: "user", content: embedded(resourceUri) }, { role: "user", content: { type: "text", text: "Please process the embedded resource above." } }],
  }));
  server.registerPrompt("test_prompt_with_image", { description: "Image" }, () => ({ messages: [{ role: "user", content: { type: "image", data: PNG, mimeType: "image/png" } }, { role: "user", content: { type: "text", text: "Please analyze the image above." } }] }));
  server.server.setRequestHandler("completion/complete", () => ({ completion: { values: [], total: 0, hasMore: false } }));
  return server;
}

/** Tools that ask within their results (2026-07-28). */
function multiRound(tool) {
  const name = () => inputRequired.elicit({ message: "What is your name?", requestedSchema: form({ name: string }) });
  const capital = () => inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: "What is the capital of France?" } }], maxTokens: 100 });
  const once = (id, key, ask) =>
    tool(id, "Asks once", object(), (_, ctx) => (ctx.mcpReq.inputResponses?.[key] === undefined ? inputRequired({ inputRequests: { [key]: ask() } }) : text(JSON.stringify(inputResponse(ctx.mcpReq.inputResponses, key) ?? null))));
  once("test_input_required_result_sampling", "capital_question", capital);
  once("test_input_required_result_list_roots", "client_roots", () => inputRequired.listRoots());
  tool("test_input_required_result_elicitation", "Asks for a name", object(), (_, ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, "user_name");
    return answer === undefined ? inputRequired({ inputRequests: { user_name: name() } }) : text(`Hello, ${answer.name}!`);
  });
  tool("test_input_required_result_request_state", "Keeps a state", object(), (_, ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, "confirm");
    if (answer === undefined) return inputRequired({ inputRequests: { confirm: inputRequired.elicit({ message: "Please confirm", requestedSchema: form({ ok: { type: "boolean" } }) }) }, requestState: "state-1" });
    return text("state-ok");
  });
  tool("test_input_required_result_multiple_inputs", "Asks for three things", object(), (_, ctx) =>
    ctx.mcpReq.inputResponses?.user_name === undefined
      ? inputRequired({ inputRequests: { user_name: name(), greeting: capital(), client_roots: inputRequired.listRoots() }, requestState: "several" })
      : text("All inputs received"));
  tool("test_input_required_result_multi_round", "Asks twice", object(), (_, ctx) => {
    if (acceptedContent(ctx.mcpReq.inputResponses, "step2") !== undefined) return text("Multi-round complete");
    const step = acceptedContent(ctx.mcpReq.inputResponses, "step1") === undefined ? "step1" : "step2";
    return inputRequired({ inputRequests: { [step]: name() }, requestState: step });
  });
  tool("test_missing_capability", "Needs sampling", object(), (_, ctx) => (per2026(ctx) ? inputRequired({ inputRequests: { capital: capital() } }) : text("no")));
}

serveStdio(build);
