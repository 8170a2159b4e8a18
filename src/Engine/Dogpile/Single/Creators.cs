namespace Sluice.Dogpiling;

/// <summary>The forms in which applications write creators.</summary>
internal static class Creators
{
    public static Func<CancellationToken, ValueTask<TValue>> Of<TValue>(Func<TValue> creator) => _ => ValueTask.FromResult(creator());
}
