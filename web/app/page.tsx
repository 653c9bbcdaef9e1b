export default function Page() {
  return <main>candleloop</main>;
}
