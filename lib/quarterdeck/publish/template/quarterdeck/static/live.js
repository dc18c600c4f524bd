// Puts what the kernel made into its place on the page, before Voilà's scripts draw it; then says when the kernel has ended.
window.voila_finish = () => {};
const state = document.getElementById("live-state");
for (const arrived of document.querySelectorAll("#arrivals > [data-for]")) {
  const place = document.getElementById(arrived.dataset.for);
  if (place === state) place.replaceChildren();
  place?.append(arrived);
}
document.body.classList.add("arrived");
const kernel = JSON.parse(document.getElementById("jupyter-config-data").textContent).kernelId;
const asking = setInterval(async () => {
  const answer = await fetch(`/api/kernels/${kernel}`, { redirect: "manual" }).catch(() => null);
  if (answer?.ok) return;
  clearInterval(asking);
  document.body.classList.add("ended");
  document.querySelectorAll(".live").forEach((part) => { part.inert = true; });
  state.classList.add("bad");
  state.textContent = "The kernel behind the sliders has ended, as it does when nothing moves for a while. The figures stay as they are. ";
  const again = Object.assign(document.createElement("a"), { href: location.href, textContent: "Start again" });
  state.append(again);
}, 5000);
