using System.Diagnostics;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Diagnostics;

namespace Sluice.Completing;

/// <summary>Decodes claimed sessions and runs the application's handler.</summary>
internal sealed class CompletionHandler<TKey, TValue, TEvent>(AggregateDefinition<TKey, TValue, TEvent> definition, AggregateOptions<TValue> options)
    : ICompletionHandler
    where TKey : notnull
    where TValue : class
    where TEvent : struct
{
    public async ValueTask RunAsync(IReadOnlyList<ClaimedWork> work)
    {
        List<(ClaimedWork Work, Completion<TValue> Completion)> decoded = new(work.Count);
        foreach (ClaimedWork item in work)
        {
            try
            {
                decoded.Add((item, Decode(item.Session)));
            }
            catch (Exception e)
            {
                // Bytes that can't be read, or a key codec of the application's that throws: this session fails, the others go on.
                item.Fail(e);
            }
        }

        if (decoded.Count == 0)
            return;
        try
        {
            await InvokeAsync(decoded).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever the application's code throws gives its sessions back; the error travels with them.
            foreach ((ClaimedWork item, _) in decoded)
                item.Fail(e);
            return;
        }

        foreach ((ClaimedWork item, Completion<TValue> completion) in decoded)
            item.Failure = completion.Failure is { Length: > ClaimedWork.LongestFailure } failure ? failure[..ClaimedWork.LongestFailure] : completion.Failure;
    }

    private async ValueTask InvokeAsync(List<(ClaimedWork Work, Completion<TValue> Completion)> decoded)
    {
        using Activity? activity = EngineMetrics.Activities.StartActivity("sluice.complete", ActivityKind.Internal);
        activity?.SetTag("sluice.aggregate", definition.Schema.Name).SetTag("sluice.sessions", decoded.Count);
        if (options.OnComplete is { } onComplete)
        {
            foreach ((ClaimedWork work, Completion<TValue> completion) in decoded)
                await onComplete(completion, work.Lost).ConfigureAwait(false);
            return;
        }

        using CancellationTokenSource anyLost = CancellationTokenSource.CreateLinkedTokenSource([.. decoded.Select(static item => item.Work.Lost)]);
        Completion<TValue>[] completions = [.. decoded.Select(static item => item.Completion)];
        await options.OnCompleteBatch!(completions, anyLost.Token).ConfigureAwait(false);
    }

    private Completion<TValue> Decode(ClaimedSession session) => new(
        definition.Schema.Name, session.Resource.ToString(), definition.Read(definition.Keys.Decode(session.Resource.Bytes), session.Fields.Span), session);
}
