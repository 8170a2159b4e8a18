using Sluice.Testing;

namespace Sluice.Harness;

/// <inheritdoc/>
public sealed class HandDrivenTimeProvider : HandDrivenClock
{
    /// <inheritdoc/>
    public HandDrivenTimeProvider()
    {
    }

    /// <inheritdoc/>
    public HandDrivenTimeProvider(DateTimeOffset start)
        : base(start)
    {
    }
}
