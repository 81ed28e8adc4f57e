// Runs before the first paint: the theme that the reader chose, and the mark that scripts run.

import { storedTheme } from "./stored-theme";

const chosen = storedTheme();
if (chosen) document.documentElement.dataset["theme"] = chosen;
document.documentElement.classList.add("scripted");
