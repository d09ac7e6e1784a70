"use strict";
// Before anything of the page is there, for a browser lays out what it has read of a large one again and again.
document.documentElement.classList.add("js");
// What is far from the screen is not laid out until it comes near. (Here, since validators of CSS do not know it yet.)
document.adoptedStyleSheets = [new CSSStyleSheet()];
document.adoptedStyleSheets[0].replaceSync("@media screen { .figure, .fold > .scroll { content-visibility: auto; contain-intrinsic-size: auto 30rem; } }");
