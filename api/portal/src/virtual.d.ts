declare module "virtual:modules" {
  import type { Mountable } from "./mount";
  const modules: Record<string, (() => Promise<Mountable>) | undefined>;
  export default modules;
}

declare module "*?url" {
  const address: string;
  export default address;
}
