"""Small drawings as SVG text: a plot area with axes, and what is drawn on it. Self-contained, a few kB
each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

COLORS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#65a30d", "#be185d")
INK, FAINT = "#1f2937", "#e5e7eb"
_FONT = "font-family:system-ui,sans-serif;font-size:12px"


@dataclass
class Plot:
    """A plot area; data from `x_range` and `y_range` are drawn where its axes put them."""

    title: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int = 520
    height: int = 320
    left: int = 60
    bottom: int = 48
    top: int = 34
    right: int = 16
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return (
            self.height - self.bottom - (value - low) / (high - low) * (self.height - self.bottom - self.top)
        )

    def line(
        self, xs: Sequence[float], ys: Sequence[float], color: str, *, dashed: bool = False, width: float = 2
    ) -> None:
        """A line through points, given in data units."""
        points = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs, ys, strict=True))
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width:g}"{dash}/>'
        )

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], color: str) -> None:
        """The area between two lines through the same x, faintly."""
        there = [*zip(xs, lows, strict=True), *reversed(list(zip(xs, highs, strict=True)))]
        points = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in there)
        self.parts.append(f'<polygon points="{points}" fill="{color}" fill-opacity="0.13"/>')

    def dot(self, x: float, y: float, color: str, *, said: str = "", radius: float = 4) -> None:
        """A point that says something when it is pointed at."""
        title = f"<title>{escape(said)}</title>" if said else ""
        self.parts.append(
            f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:g}" '
            f'fill="{color}">{title}</circle>'
        )

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        color: str,
        *,
        opacity: float = 1,
        said: str = "",
    ) -> None:
        """A filled rectangle between data bounds."""
        left, right = sorted((self.x(x[0]), self.x(x[1])))
        top, bottom = sorted((self.y(y[0]), self.y(y[1])))
        title = f"<title>{escape(said)}</title>" if said else ""
        self.parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'fill="{color}" fill-opacity="{opacity:.3f}">{title}</rect>'
        )

    def text(self, x: float, y: float, said: str, *, anchor: str = "middle", turned: bool = False) -> None:
        """Words at pixels."""
        turn = f' transform="rotate(-40 {x:.1f} {y:.1f})"' if turned else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}"{turn}>{escape(said)}</text>'
        )

    def axes(self, x_ticks: Sequence[float], y_ticks: Sequence[float], *, x_name: str, y_name: str) -> None:
        """Grid lines with their values, and what the axes are."""
        for value in x_ticks:
            self.line([value, value], self.y_range, FAINT, width=1)
            self.text(self.x(value), self.height - self.bottom + 16, f"{value:g}")
        for value in y_ticks:
            self.line(self.x_range, [value, value], FAINT, width=1)
            self.text(self.left - 6, self.y(value) + 4, f"{value:g}", anchor="end")
        self.text((self.left + self.width - self.right) / 2, self.height - 10, x_name)
        if y_name:
            self.text(8, self.top - 12, y_name, anchor="start")

    def legend(self, names: Sequence[tuple[str, str]], *, right: bool = False) -> None:
        """Names in their colours, one below the other, lower left or a little in from the lower right."""
        left = self.width - self.right - 110 if right else self.left + 8
        for i, (name, color) in enumerate(reversed(names)):
            at = self.height - self.bottom - 10 - 16 * i
            self.parts.append(f'<rect x="{left}" y="{at - 9}" width="10" height="10" fill="{color}"/>')
            self.text(left + 16, at, name, anchor="start")

    def render(self) -> str:
        """The whole drawing."""
        title = (
            f'<text x="{self.width / 2:.0f}" y="16" text-anchor="middle" font-weight="600" fill="{INK}">'
            f"{escape(self.title)}</text>"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" style="{_FONT}">'
            f'<rect width="100%" height="100%" fill="white"/>{title}{"".join(self.parts)}</svg>'
        )
