using Sluice.Resp;

namespace Sluice.Fuzz.Targets;

/// <summary>
/// A bug that is there on purpose, behind many branches of the parser: a map with something in it, within an array. It shows that the fuzzer finds its way there from nothing; nobody fuzzes it
/// otherwise.
/// </summary>
internal sealed class PlantedTarget : FuzzTarget
{
    /// <summary>How it is asked for.</summary>
    public const string TargetName = "planted";

    /// <summary>What the finding is called.</summary>
    public const string Rule = "the planted bug";

    /// <inheritdoc/>
    public override string Name => TargetName;

    /// <inheritdoc/>
    public override void Run(ReadOnlySpan<byte> input, bool thorough)
    {
        FrameScanner scanner = new(RespLimits.Default);
        try
        {
            if (!scanner.TryScan(input, out Frame frame))
                return;
            RespReader reply = new(input[..(int)frame.Length]);
            if (reply.Prefix != RespPrefix.Array)
                return;
            foreach (RespReader child in reply.Children)
            {
                OracleException.Demand(child.Prefix != RespPrefix.Map || child.Count == 0, Rule);
            }
        }
        catch (RespProtocolException)
        {
            // Not RESP.
        }
    }
}
