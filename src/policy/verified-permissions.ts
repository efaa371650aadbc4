/** Amazon Verified Permissions by its official client, where that is installed: it is not bundled. */
import { SallyportError } from "../errors.ts";
import type { EntityJson } from "./cedar.ts";
import type { Said } from "./decide.ts";
import type { PolicyPoint } from "../model.ts";
import { contextOf, principalOf, resourceEntities, resourceUid, type PolicyRequest } from "./request.ts";

interface Client {
  readonly VerifiedPermissionsClient: new (options: object) => { send: (command: object, options: object) => Promise<{ readonly decision?: string; readonly determiningPolicies?: readonly { readonly policyId?: string }[]; readonly errors?: readonly { readonly errorDescription?: string }[] }> };
  readonly IsAuthorizedCommand: new (input: object) => object;
}

const PACKAGE = "@aws-sdk/client-verifiedpermissions";

/** Throws `policy.point`. */
export async function askVerifiedPermissions({ url, store, region, seconds }: PolicyPoint, request: PolicyRequest, answered: (decision: unknown, said: unknown) => Said): Promise<Said> {
  if (store === null) throw new SallyportError("policy.point", "policies.point.store is missing");
  const { VerifiedPermissionsClient, IsAuthorizedCommand } = await client();
  const principal = principalOf(request.principal, {});
  const { context, entity } = contextOf(request);
  const sender = new VerifiedPermissionsClient({ ...(region === null ? {} : { region }), ...(url === null ? {} : { endpoint: url }), maxAttempts: 1 });
  const { arguments: _, ...rest } = context;
  const command = new IsAuthorizedCommand({
    policyStoreId: store,
    principal: identifier((principal[0] as EntityJson).uid),
    action: { actionType: "Action", actionId: request.action },
    resource: identifier(resourceUid(request)),
    context: { contextMap: { ...attributes(rest), arguments: { entityIdentifier: identifier(entity?.uid ?? { type: "Arguments", id: "call" }) } } },
    entities: { entityList: [...principal, ...resourceEntities(request), ...(entity === null ? [] : [entity])].map(item) },
  });
  const { decision, determiningPolicies = [], errors = [] } = await sender.send(command, { abortSignal: AbortSignal.timeout(seconds * 1000) });
  if (errors.length > 0) return answered(false, { reason: errors[0]?.errorDescription ?? "a policy could not be evaluated" });
  return { ...answered(decision === "ALLOW", {}), policies: determiningPolicies.flatMap(({ policyId }) => policyId ?? []) };
}

async function client(): Promise<Client> {
  try {
    const name = PACKAGE;
    return (await import(name)) as Client;
  } catch (error) {
    throw new SallyportError("policy.point", `npm install ${PACKAGE}, beside sallyport`, { cause: error });
  }
}

function identifier(uid: EntityJson["uid"]): object {
  const { type, id } = uid as { type: string; id: string };
  return { entityType: type, entityId: id };
}

function item({ uid, attrs, parents, tags }: EntityJson): object {
  return { identifier: identifier(uid), attributes: attributes(attrs), parents: parents.map(identifier), ...(tags === undefined ? {} : { tags: attributes(tags) }) };
}

/** JSON -> the service's typed values. */
function attributes(record: Readonly<Record<string, unknown>>): Record<string, object> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, attribute(value)]));
}

function attribute(value: unknown): object {
  if (typeof value === "string") return { string: value };
  if (typeof value === "boolean") return { boolean: value };
  if (typeof value === "number") return { long: value };
  if (Array.isArray(value)) return { set: value.map(attribute) };
  const { __extn: extension } = value as { __extn?: { fn: string; arg: string } };
  if (extension !== undefined) return { [extension.fn]: extension.arg };
  return { record: attributes(value as Record<string, unknown>) };
}
