/** The little of the provider that the tests use; its own types are a package of their own. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  export class Provider {
    constructor(issuer: string, configuration: {
      readonly jwks: { readonly keys: readonly object[] };
      readonly clients: readonly object[];
      readonly features: { readonly resourceIndicators: { readonly enabled: boolean; readonly getResourceServerInfo: (ctx: unknown, resource: string) => object } } & Readonly<Record<string, object>>;
      readonly extraTokenClaims: (ctx: unknown, token: { readonly clientId?: string }) => object;
    });
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
  }
}
