package app

import (
	"slices"

	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/field/v1/fieldv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/store/v1/storev1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/track/v1/trackv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

// Access says of every procedure who may call it at all. Over whom, the room decides by the caller's grants. A
// procedure that is not here is refused for everybody, and a test fails.
func Access() rpc.Access {
	var (
		anybody  = rpc.Rule{}
		stranger = rpc.Rule{Anonymous: true}
		secret   = rpc.Rule{Anonymous: true, Costly: true}
		phone    = rpc.Rule{Device: true}
		dispatch = rpc.Rule{Roles: []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}}
		queue    = rpc.Rule{Roles: dispatch.Roles, Large: true}
		approve  = rpc.Rule{Roles: []identity.Role{identity.Supervisor, identity.Admin}}
		intake   = rpc.Rule{Roles: []identity.Role{identity.Clerk, identity.Dispatcher, identity.Supervisor, identity.Admin}}
		office   = rpc.Rule{Roles: []identity.Role{
			identity.Dispatcher, identity.Supervisor, identity.Finance,
			identity.Dealer, identity.Admin,
		}}
		page     = rpc.Rule{Device: true, Large: true}
		met      = rpc.Rule{Roles: append(slices.Clone(dispatch.Roles), identity.Technician)}
		money    = rpc.Rule{Roles: []identity.Role{identity.Finance, identity.Admin}}
		earnings = rpc.Rule{Roles: []identity.Role{
			identity.Technician, identity.Supervisor, identity.Finance,
			identity.Dealer, identity.Admin,
		}}
		admin = rpc.Rule{Roles: []identity.Role{identity.Admin}}
	)
	return rpc.Access{
		accountv1connect.AuthServiceEnrolDeviceProcedure:  secret,
		accountv1connect.AuthServiceRefreshTokenProcedure: stranger,
		accountv1connect.AuthServiceLogInProcedure:        secret,

		accountv1connect.AccountServiceGetMeProcedure:               anybody,
		accountv1connect.AccountServiceListDevicesProcedure:         anybody,
		accountv1connect.AccountServiceRevokeDeviceProcedure:        anybody,
		accountv1connect.AccountServiceCreateEnrolmentCodeProcedure: dispatch,
		accountv1connect.AccountServiceListUsersProcedure:           dispatch,
		accountv1connect.AccountServicePutUserProcedure:             admin,
		accountv1connect.AccountServiceListPlacesProcedure:          anybody,
		accountv1connect.AccountServicePutPlaceProcedure:            admin,

		syncv1connect.SyncServicePullProcedure:  page,
		syncv1connect.SyncServicePushProcedure:  {Device: true, Evidence: true},
		syncv1connect.SyncServiceWatchProcedure: phone,

		syncv1connect.ParkedServiceListParkedProcedure:    queue,
		syncv1connect.ParkedServiceEditParkedProcedure:    dispatch,
		syncv1connect.ParkedServiceReplayParkedProcedure:  dispatch,
		syncv1connect.ParkedServiceDismissParkedProcedure: dispatch,

		fieldv1connect.ProofServiceStartUploadProcedure:  {Evidence: true},
		fieldv1connect.ProofServiceFinishUploadProcedure: {Evidence: true},
		fieldv1connect.ProofServiceViewProofProcedure:    anybody,

		storev1connect.CodeServiceIssueCodeProcedure:   intake,
		storev1connect.CodeServiceRevokeCodeProcedure:  dispatch,
		storev1connect.CodeServiceResolveCodeProcedure: anybody,
		storev1connect.CodeServiceRenderCodesProcedure: intake,

		officev1connect.OrderServiceCreateOrderProcedure:  intake,
		officev1connect.OrderServiceListOrdersProcedure:   intake,
		officev1connect.OrderServiceFindCustomerProcedure: intake,

		officev1connect.OrderServiceListCustomerProposalsProcedure: {Roles: append(slices.Clone(intake.Roles),
			identity.Technician)},
		officev1connect.OrderServiceAcceptCustomerProposalProcedure:  met,
		officev1connect.OrderServiceDismissCustomerProposalProcedure: met,

		officev1connect.CatalogueServiceListCatalogueProcedure:   anybody,
		officev1connect.CatalogueServicePutProductProcedure:      admin,
		officev1connect.CatalogueServicePutProductClassProcedure: admin,
		officev1connect.CatalogueServicePutPriceItemProcedure:    admin,
		officev1connect.CatalogueServicePutReasonProcedure:       admin,
		officev1connect.CatalogueServicePutTemplateProcedure:     admin,

		officev1connect.TicketServiceListTicketsProcedure:       office,
		officev1connect.TicketServiceGetTicketProcedure:         office,
		officev1connect.TicketServiceOpenTicketProcedure:        dispatch,
		officev1connect.TicketServiceProposeAssignmentProcedure: dispatch,
		officev1connect.TicketServiceAssignTicketProcedure:      dispatch,
		officev1connect.TicketServiceAutoAssignProcedure:        dispatch,
		officev1connect.TicketServicePoolTicketProcedure:        dispatch,
		officev1connect.TicketServiceRescheduleTicketProcedure:  dispatch,
		officev1connect.TicketServiceCancelTicketProcedure:      dispatch,
		officev1connect.TicketServiceSetTicketContactProcedure:  intake,
		officev1connect.TicketServiceMarkNoShowProcedure:        dispatch,
		officev1connect.TicketServiceHoldTicketProcedure:        dispatch,
		officev1connect.TicketServiceResumeTicketProcedure:      dispatch,
		officev1connect.TicketServiceApproveTicketProcedure:     approve,
		officev1connect.TicketServiceReworkTicketProcedure:      approve,

		officev1connect.ExplainServiceWhyProcedure:       dispatch,
		officev1connect.ExplainServiceGetDeviceProcedure: dispatch,

		payv1connect.EarningServiceGetEarningsProcedure:      earnings,
		payv1connect.EarningServiceListEarningLinesProcedure: earnings,
		payv1connect.EarningServiceAdjustEarningProcedure:    money,
		payv1connect.RankServiceGetBoardProcedure:            earnings,
		payv1connect.PlanServicePublishPlanProcedure:         money,
		payv1connect.PlanServiceListPlansProcedure:           money,

		trackv1connect.TrackServiceGetProgressProcedure: stranger,
		trackv1connect.TrackServiceCancelProcedure:      secret,
		trackv1connect.TrackServiceRescheduleProcedure:  secret,
		trackv1connect.TrackServiceRateProcedure:        secret,
		trackv1connect.TrackServiceBookProcedure:        secret,
	}
}
