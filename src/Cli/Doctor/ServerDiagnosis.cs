using Microsoft.Extensions.Logging;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination.Redis;

namespace Sluice.Cli.Doctor;

/// <summary>Judges a server as an engine does at its start, and says the rest that matters.</summary>
internal static class ServerDiagnosis
{
    private const double NearlyFull = 0.9;

    public static void Write(StoreServer server, Findings findings)
    {
        findings.Begin($"{server.Endpoint}, version {server.Report.Version?.ToString() ?? "unknown"}");
        Warnings warnings = new();
        try
        {
            ServerCheck.Judge(server.Report, server.Endpoint, new RedisOptions { Persistence = RedisPersistence.Warn }, warnings);
            findings.Sound("engines can rely on it: version, role and eviction policy");
        }
        catch (UnsuitableServerException e)
        {
            findings.Problem(e.Message, "No engine starts with this server.");
        }

        foreach (string warning in warnings.Texts)
            findings.Notice(warning, "Completions and acknowledgements are as durable as the server is: appendonly yes, and DurabilityWindow or WaitReplicas in the engine's options.");
        if (server.Report.MemoryLimit > 0 && server.Report.UsedMemory > server.Report.MemoryLimit * NearlyFull)
        {
            findings.Problem(
                $"{HumanUnits.Bytes(server.Report.UsedMemory)} of {HumanUnits.Bytes(server.Report.MemoryLimit)} are used",
                "When it is full, flushes are refused and engines keep everything in memory: raise maxmemory, or shorten sessions.");
        }
    }

    private sealed class Warnings : ILogger
    {
        public List<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Texts.Add(formatter(state, exception));
        }
    }
}
