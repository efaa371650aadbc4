export function bridge(command: readonly string[]): Promise<{ url: string; close: () => Promise<void> }>;
