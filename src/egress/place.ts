/** Where the gate's resolver and its proxy listen inside a cell. */
export const GATE_ADDRESS = "127.77.0.1";
export const PROXY_PORT = 3128;
