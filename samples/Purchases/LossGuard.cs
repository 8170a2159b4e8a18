using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Sluice.Samples.Purchases;

/// <summary>
/// What the engine reports as lost is not in the totals, and its watermark passes it, or it would stand still for ever. It must not be acknowledged then: the broker has it still, and delivers it to the next process.
/// So this one acknowledges nothing more and ends. The report comes before the watermark moves, so asking after reading the watermark is enough.
/// </summary>
internal sealed partial class LossGuard(IHostApplicationLifetime host, ILogger<LossGuard> logger)
{
    private volatile bool _hasLost;

    /// <summary>Something that was merged is not, or not certainly, in the totals.</summary>
    public bool HasLost => _hasLost;

    /// <summary>For <see cref="EngineOptions.OnLoss"/>.</summary>
    public void OnLoss(LossReport report)
    {
        _hasLost = true;
        LogLoss(logger, report.Aggregate, report.Cause);
        host.StopApplication();
    }

    [LoggerMessage(1, LogLevel.Critical, "Updates of {Aggregate} are lost: {Cause}. Nothing more is acknowledged; the process ends, and the broker delivers them to the next one.")]
    private static partial void LogLoss(ILogger logger, string aggregate, string cause);
}
