using System.Text;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Tool;

/// <summary>The built tool, run as people run it.</summary>
internal static class SluiceProcess
{
    private static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll");

    /// <summary>Starts it; standard input stays open.</summary>
    public static ProcessHost Start(params string[] arguments) => ProcessHost.StartDotnet(Assembly, arguments);

    /// <summary>Runs it to its end.</summary>
    public static Task<ToolRun> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <summary>Runs it to its end on some standard input.</summary>
    public static async Task<ToolRun> RunAsync(byte[] input, params string[] arguments)
    {
        await using ProcessHost process = Start(arguments);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input, TestContext.Current.CancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading its input.
        }

        return await EndAsync(process);
    }

    /// <summary>Waits for the end and tells sessions from everything else.</summary>
    public static async Task<ToolRun> EndAsync(ProcessHost process)
    {
        int exitCode = await process.ExitCode.WaitAsync(TestContext.Current.CancellationToken);
        string[] lines = process.Transcript.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return new ToolRun(
            exitCode,
            string.Join('\n', lines.Where(static line => line.StartsWith('{'))),
            string.Join('\n', lines.Where(static line => !line.StartsWith('{'))))
        {
            All = process.Transcript,
        };
    }

    public static byte[] Gzip(string text)
    {
        MemoryStream compressed = new();
        using (System.IO.Compression.GZipStream gzip = new(compressed, System.IO.Compression.CompressionMode.Compress))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return compressed.ToArray();
    }
}

/// <summary>What a run said and how it ended.</summary>
/// <param name="ExitCode">The exit status.</param>
/// <param name="Sessions">The lines that are JSON objects.</param>
/// <param name="Said">All others.</param>
internal sealed record ToolRun(int ExitCode, string Sessions, string Said)
{
    /// <summary>Everything, as it came.</summary>
    public string All { get; init; } = "";
}
