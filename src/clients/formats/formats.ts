/** The formats, one line each. */
import type { Client } from "../client.ts";
import { JSON_FORMAT } from "./json.ts";
import { TOML_FORMAT } from "./toml.ts";
import { YAML_FORMAT } from "./yaml.ts";
import type { Format } from "./tree.ts";

export const FORMATS: Readonly<Record<Client["format"], Format>> = { json: JSON_FORMAT, toml: TOML_FORMAT, yaml: YAML_FORMAT };
