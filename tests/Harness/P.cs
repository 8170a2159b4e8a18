namespace Sluice.Harness; internal static class Placeholder;
