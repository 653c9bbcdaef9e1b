import { Standalone } from "@/standalone/Standalone";

export default function Page() {
  return <Standalone />;
}
