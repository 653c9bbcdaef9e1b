"""What the theme's options cannot say."""

STYLE = """<style>
.block-container {padding-top: 4.6rem; padding-bottom: 2rem; max-width: 1500px;}
h1 {font-size: 1.55rem !important; font-weight: 650 !important; padding: 0.2rem 0 0.1rem !important;}
h2, h3 {font-size: 1.05rem !important; font-weight: 600 !important; padding: 0.3rem 0 0.35rem !important;}
[role="dialog"] h2 {padding: 1.2rem 1.5rem 0 !important;}
[data-testid="stMetricValue"] {font-size: 1.5rem; font-variant-numeric: tabular-nums;}
[data-testid="stMetricLabel"] {opacity: 0.75;}
[data-testid="stHeaderActionElements"] {display: none;}
kbd[aria-label="Shortcut Delete"] {font-size: 0;}
kbd[aria-label="Shortcut Delete"]::after {content: "Del"; font-size: 0.75rem;}
</style>"""
